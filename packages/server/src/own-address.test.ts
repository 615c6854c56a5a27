import { expect, test } from "vitest";
import { addressOf } from "./own-address.ts";

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
