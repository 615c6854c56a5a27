import assert from "node:assert/strict";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import { createService } from "../src/service.ts";

const service = createService("v1");
let url = "";

before(async () => {
  await once(service.listen(0, "127.0.0.1"), "listening");
  url = `http://127.0.0.1:${(service.address() as AddressInfo).port}`;
});

after(() => service.close());

async function get(path: string): Promise<[number, unknown]> {
  const response = await fetch(url + path);
  return [response.status, await response.json()];
}

test("it counts", async () => {
  const wanted = { from: "2026-02-02", to: "2026-02-13", workdays: 10 };
  assert.deepEqual(await get("/workdays?from=2026-02-02&to=2026-02-13"), [200, wanted]);
});

test("it says its version", async () => {
  assert.deepEqual(await get("/health"), [200, { status: "ok", version: "v1", pid: process.pid }]);
});

test("it says what is wrong with a request", async () => {
  const wrong = { error: '"soon" is no day; write it like 2026-02-03' };
  assert.deepEqual(await get("/workdays?from=soon&to=2026-02-13"), [400, wrong]);
  assert.deepEqual(await get("/"), [404, { error: "try /workdays or /health" }]);
});
