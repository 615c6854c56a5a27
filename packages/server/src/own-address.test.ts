import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { expect, test } from "vitest";
import { addressOf, listenError } from "./own-address.ts";

test.each([
  ["127.0.0.1", "http://127.0.0.1:7070"],
  ["::1", "http://[::1]:7070"],
  ["mflow.example.com", "http://mflow.example.com:7070"],
  ["192.0.2.7", "http://192.0.2.7:7070"],
])("a server on %s is called at %s", (host, address) => {
  expect(addressOf(host, 7070)).toBe(address);
});

test.each([
  ["0.0.0.0", "http://127.0.0.1:7070"],
  ["::", "http://[::1]:7070"],
])("a server on every address (%s) is called by this machine at loopback", (host, address) => {
  expect(addressOf(host, 7070)).toBe(address);
});

test("a port that is taken is told as such, with what to do", async () => {
  const [first, second] = [createServer(), createServer()];
  first.listen(0, "127.0.0.1");
  await once(first, "listening");
  const { port } = first.address() as AddressInfo;
  second.listen(port, "127.0.0.1");
  const [error] = await once(second, "error").catch((thrown: unknown) => [thrown]);
  first.close();
  expect(listenError({ host: "127.0.0.1", port }, error)).toMatchObject({
    code: "ADDRESS_REFUSED",
    message: `cannot listen on 127.0.0.1:${port}: another program listens there already`,
    remedy: "Choose another with `--port` (0 takes any free one) or `--host`.",
  });
});

test("an error that has nothing to do with the address stays what it is", () => {
  const error = new Error("out of memory");
  expect(listenError({ host: "127.0.0.1", port: 1 }, error)).toBe(error);
});
