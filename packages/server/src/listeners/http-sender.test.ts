// The way out over HTTP: what it refuses to dial and to follow, against real servers on loopback.

import { createServer } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { SendError } from "./channel.ts";
import { createHttpSender, type GuardedHttpSender } from "./http-sender.ts";
import { Receiver } from "./testing/receiver.ts";

let receiver: Receiver;
let open: GuardedHttpSender;
let closed: GuardedHttpSender;

beforeEach(async () => {
  receiver = await Receiver.open();
  open = createHttpSender({ allowed: ["127.0.0.1"], userAgent: "mflow/test" });
  closed = createHttpSender({ allowed: ["10.0.0.0/8"], userAgent: "mflow/test" });
});
afterEach(async () => {
  await open.close();
  await closed.close();
  await receiver.close();
});

const post = (http: GuardedHttpSender, url: string, timeoutMs = 5_000) =>
  http.send({ url, headers: { "x-own": "secret" }, body: "{}", signal: AbortSignal.timeout(timeoutMs) });

/** Kind and sentence of a refusal. */
async function refusal(sent: Promise<unknown>): Promise<[string, string]> {
  const error: unknown = await sent.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof SendError) return [error.kind, error.message];
  throw new Error(`it was not refused: ${error}`);
}

test("a request goes out as it is, and its answer comes back", async () => {
  receiver.behaviour = (_got, response) => {
    response.writeHead(418, { "X-Thing": "a" }).end("tea");
    return undefined;
  };
  const answer = await post(open, receiver.url("/a?b=c"));
  expect(answer).toMatchObject({ status: 418, headers: { "x-thing": "a" }, body: "tea" });
  const [got] = receiver.received;
  expect(got).toMatchObject({
    method: "POST",
    path: "/a?b=c",
    body: "{}",
    headers: { "x-own": "secret", "user-agent": "mflow/test" },
  });
});

test("nothing inside is dialled, in whatever notation it is written, and nothing gets there", async () => {
  const { port } = receiver;
  const hosts = [
    "127.0.0.1",
    "127.1",
    "2130706433",
    "0x7f000001",
    "0177.0.0.1",
    "0.0.0.0",
    "localhost",
    "[::1]",
    "[::ffff:127.0.0.1]",
    "[::127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "169.254.169.254",
    "192.168.0.1",
    "①②⑦.⓪.⓪.①",
  ];
  for (const host of hosts) {
    const [kind, message] = await refusal(post(closed, `http://${host}:${port}/`));
    expect([host, kind, message]).toEqual([host, "DEAD", expect.stringContaining("--allow-target")]);
  }
  expect(receiver.received).toEqual([]);
});

test("what is allowed is dialled by name and by address", async () => {
  const byName = createHttpSender({ allowed: ["localhost"], userAgent: "mflow/test" });
  expect((await post(byName, `http://localhost:${receiver.port}/`)).status).toBe(200);
  expect((await refusal(post(byName, receiver.url())))[0]).toBe("DEAD");
  await byName.close();
  expect((await post(open, `http://localhost:${receiver.port}/`)).status).toBe(200);
  expect((await post(open, `http://2130706433:${receiver.port}/`)).status).toBe(200);
});

test("only http and https are spoken", async () => {
  for (const url of [
    "file:///etc/passwd",
    "ftp://example.com/",
    "gopher://example.com/",
    "data:,x",
    "nonsense",
  ]) {
    expect((await refusal(post(open, url)))[0]).toBe("DEAD");
  }
});

test("a redirect that keeps the message is followed three times on the same origin", async () => {
  receiver.behaviour = ({ path }, response) => {
    const hop = Number(/\d+$/.exec(path)?.[0] ?? 0);
    if (hop >= 3) return [200, { path }];
    response.writeHead(hop % 2 === 0 ? 307 : 308, { location: `/hop${hop + 1}` }).end();
    return undefined;
  };
  expect((await post(open, receiver.url("/hop0"))).body).toBe('{"path":"/hop3"}');
  expect(receiver.received.map(({ method, path, body }) => [method, path, body])).toEqual([
    ["POST", "/hop0", "{}"],
    ["POST", "/hop1", "{}"],
    ["POST", "/hop2", "{}"],
    ["POST", "/hop3", "{}"],
  ]);
  receiver.behaviour = (_got, response) => {
    response.writeHead(307, { location: "/again" }).end();
    return undefined;
  };
  expect(await refusal(post(open, receiver.url()))).toEqual([
    "DEAD",
    `127.0.0.1:${receiver.port} answered 307, a redirect, the 4th: give the URL at their end`,
  ]);
});

test("a redirect that would lose the message is refused, and names where to", async () => {
  for (const status of [301, 302, 303]) {
    receiver.behaviour = (_got, response) => {
      response.writeHead(status, { location: "https://new.example/hook?key=abc" }).end();
      return undefined;
    };
    expect(await refusal(post(open, receiver.url()))).toEqual([
      "DEAD",
      `127.0.0.1:${receiver.port} answered ${status}, a redirect to https://new.example, which would lose the message: give the new URL`,
    ]);
  }
});

test("a redirect to another origin, a private one among them, is not followed", async () => {
  const other = await Receiver.open();
  const origins = [
    `http://127.0.0.1:${other.port}`,
    `http://localhost:${receiver.port}`,
    "http://169.254.169.254",
  ];
  for (const origin of origins) {
    receiver.behaviour = (_got, response) => {
      response.writeHead(308, { location: `${origin}/latest` }).end();
      return undefined;
    };
    const [kind, message] = await refusal(post(open, receiver.url()));
    expect([kind, message]).toEqual(["DEAD", expect.stringContaining(`${origin}, another origin`)]);
  }
  expect(other.received).toEqual([]);
  await other.close();
});

test("what does not answer can be tried again: nobody listens, it hangs up, it hangs, the name is unknown", async () => {
  const nobody = createServer();
  const port = await new Promise<number>((resolve) => {
    nobody.listen(0, "127.0.0.1", () => resolve((nobody.address() as { port: number }).port));
  });
  await new Promise((resolve) => nobody.close(resolve));
  expect((await refusal(post(open, `http://127.0.0.1:${port}/`)))[0]).toBe("RETRY");
  receiver.behaviour = (_got, response) => {
    response.destroy();
    return undefined;
  };
  expect((await refusal(post(open, receiver.url())))[0]).toBe("RETRY");
  receiver.behaviour = () => undefined;
  expect(await refusal(post(open, receiver.url(), 100))).toEqual([
    "RETRY",
    `127.0.0.1:${receiver.port} took too long`,
  ]);
  expect((await refusal(post(open, "http://no-such-host.invalid/")))[0]).toBe("RETRY");
});

test("a long answer is cut, and one without end is not waited for", async () => {
  receiver.behaviour = (_got, response) => {
    response.writeHead(200);
    const more = () => {
      while (response.write("x".repeat(10_000)));
    };
    response.on("drain", more);
    more();
    return undefined;
  };
  const { body } = await post(open, receiver.url());
  expect(body).toBe("x".repeat(64 * 1024));
});

test("a proxy of the environment is not used", async () => {
  const before = process.env.http_proxy;
  process.env.http_proxy = "http://127.0.0.1:1";
  try {
    expect((await post(open, receiver.url())).status).toBe(200);
  } finally {
    if (before === undefined) delete process.env.http_proxy;
    else process.env.http_proxy = before;
  }
});

test("a request that can never be made is given up at once", async () => {
  const headers = { "x-a": "one\r\nx-b: two" };
  const sent = open.send({ url: receiver.url("/"), headers, signal: AbortSignal.timeout(5_000) });
  expect(await refusal(sent)).toEqual([
    "DEAD",
    `no request to 127.0.0.1:${receiver.port} can be made: invalid x-a header; correct the settings`,
  ]);
});
