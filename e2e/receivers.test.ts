// The receivers of the docs really check signatures: each is started as its first comment says, and sent messages
// that the library of Standard Webhooks signs.

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Webhook } from "standardwebhooks";
import { afterAll, describe, expect, test, vi } from "vitest";

// Go may have to compile its whole library first.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 60_000 });

const folder = join(import.meta.dirname, "..", "examples", "receivers");
const SECRET = `whsec_${Buffer.from("a secret of thirty-two bytes 123").toString("base64")}`;

const receivers = [
  { language: "TypeScript", command: [process.execPath, join(folder, "receiver.ts")] },
  { language: "Python", command: ["python3", join(folder, "receiver.py")] },
  { language: "Go", command: ["go", "run", join(folder, "go", "receiver.go")] },
];

const children: ChildProcess[] = [];
afterAll(async () => {
  for (const child of children) {
    if (child.exitCode !== null || child.pid === undefined) continue;
    // `go run` starts the program as a child of its own.
    process.kill(-child.pid, "SIGKILL");
    await once(child, "exit");
  }
});

/** A receiver on a free port: where it is, and the lines that it prints from then on. */
async function start([program = "", ...args]: string[]) {
  const child = spawn(program, [...args, "0"], {
    detached: true,
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, WEBHOOK_SECRET: SECRET },
  });
  children.push(child);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const [, port] = /listening on (\d+)/.exec((await lines.next()).value ?? "") ?? [];
  return { url: `http://127.0.0.1:${port}/`, next: async () => (await lines.next()).value as string };
}

describe.each(receivers)("the receiver in $language", ({ command }) => {
  const [program = "", version = ""] = command[0] === "go" ? ["go", "version"] : [command[0], "--version"];
  const isThere = spawnSync(program, [version]).status === 0;

  test.runIf(isThere)("takes what is signed, once, and nothing else", async () => {
    const receiver = await start(command);
    async function send(id: string, body: object, change: Record<string, string> = {}, at = new Date()) {
      const text = JSON.stringify(body);
      const headers = {
        "webhook-id": id,
        "webhook-timestamp": String(Math.floor(at.getTime() / 1000)),
        "webhook-signature": new Webhook(SECRET).sign(id, at, text),
        ...change,
      };
      return (await fetch(receiver.url, { method: "POST", body: text, headers })).status;
    }
    const failed = { version: 1, type: "FAILED", task: { name: "prod" }, run: { name: "release" } };
    const ended = { version: 1, type: "SUCCEEDED", run: { name: "release" } };
    const trial = { version: 1, type: "SUCCEEDED" };
    const tenMinutes = 10 * 60_000;
    const other = new Webhook(Buffer.from("another secret").toString("base64"));
    const twoSignatures = (id: string, body: object, at: Date) =>
      `${other.sign(id, at, JSON.stringify(body))} ${new Webhook(SECRET).sign(id, at, JSON.stringify(body))}`;
    const now = new Date();
    expect({
      signed: await send("msg-1", failed),
      again: await send("msg-1", failed),
      trial: await send("msg-5", trial),
      forged: await send("msg-2", failed, { "webhook-signature": other.sign("msg-2", now, "{}") }),
      unsigned: await send("msg-2", failed, { "webhook-signature": "" }),
      otherId: await send("msg-2", failed, { "webhook-id": "msg-3" }),
      old: await send("msg-2", failed, {}, new Date(Date.now() - tenMinutes)),
      early: await send("msg-2", failed, {}, new Date(Date.now() + tenMinutes)),
      whileRotated: await send(
        "msg-4",
        ended,
        { "webhook-signature": twoSignatures("msg-4", ended, now) },
        now,
      ),
    }).toEqual({
      signed: 204,
      again: 204,
      trial: 204,
      forged: 401,
      unsigned: 401,
      otherId: 401,
      old: 401,
      early: 401,
      whileRotated: 204,
    });
    const printed = [await receiver.next(), await receiver.next(), await receiver.next()];
    expect(printed).toEqual(["FAILED prod", "a test message", "SUCCEEDED release"]);
  });
});
