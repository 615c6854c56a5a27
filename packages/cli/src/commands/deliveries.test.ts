// Channels and deliveries from the command line: set up, tested, sent, given up, sent again.

import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { makeServedWorkplace, until, type Workplace } from "../testing/command.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let place: Workplace;
let receiver: Server;
let address: string;
/** What the receiver answers with. */
let status = 200;
/** What it says when it does not take a message: a bell, a title, a colour, a line of its own. */
const no = "n\x07\x1b]0;owned\x07\x1b[31mo\r\n  2. all is well\x9b2J";

beforeAll(async () => {
  receiver = createServer((request, response) => {
    request.resume();
    request.on("end", () => response.writeHead(status).end(status === 200 ? "thanks" : no));
  });
  await new Promise<void>((resolve) => receiver.listen(0, "127.0.0.1", resolve));
  address = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hook`;
  place = await makeServedWorkplace({}, ["--allow-target", "127.0.0.1"]);
  await place.write("secret.txt", "a secret of mine\n");
});
afterAll(async () => {
  await place.remove();
  receiver.closeAllConnections();
  await new Promise((resolve) => receiver.close(resolve));
});

const pipeline = `
kind: Job
metadata: { name: greet }
publish: true
spec: { runnerType: FAKE, runnerSpec: {} }
---
kind: Pipeline
metadata: { name: told }
spec:
  webhooks: [{ channel: hook, events: [SUCCEEDED] }]
  stages: [{ name: one, tasks: [{ name: greet, job: greet }] }]
`;

const lines = (text: string) => text.trimEnd().split("\n");

test("a channel is added with secrets from files, changed, shown without them, and deleted", async () => {
  const added = await place.mflow(
    [
      ...["channel", "add", "hook", "--kind", "WEBHOOK", "--webhook-url", address],
      ...["--secret", "@secret.txt", "--set", "headers.X-Team=@-"],
    ],
    { stdin: "web\n" },
  );
  expect(added).toEqual({
    stdout: `channel hook: WEBHOOK url=${address} secret=*** headers.X-Team=***\n`,
    stderr: "",
    exitCode: 0,
  });
  expect((await place.mflow(["channel", "set", "hook", "headers.X-Team="])).stdout).toBe(
    `channel hook: WEBHOOK url=${address} secret=***\n`,
  );
  expect(lines((await place.mflow(["channel", "list"])).stdout)).toEqual([
    "NAME  KIND     SETTINGS",
    `hook  WEBHOOK  url=${address} secret=***`,
  ]);
  await place.mflow([
    "channel",
    "add",
    "post",
    "--kind",
    "MAIL",
    "--set",
    "host=h",
    "--set",
    "from=m@example.com",
    "--set",
    "port=25",
  ]);
  expect(JSON.parse((await place.mflow(["channel", "get", "post", "-o", "json"])).stdout).spec).toEqual({
    kind: "MAIL",
    host: "h",
    from: "m@example.com",
    port: 25,
  });
  expect((await place.mflow(["channel", "delete", "post"])).stdout).toBe("channel post deleted\n");
});

test("what is wrong with a channel is said with the remedy", async () => {
  const refusal = async (...args: string[]) => {
    const { stderr, exitCode } = await place.mflow(["channel", ...args]);
    return [exitCode, stderr];
  };
  expect(await refusal("add", "hook", "--kind", "WEBHOOK", "--webhook-url", address)).toEqual([
    2,
    expect.stringContaining("hook"),
  ]);
  expect(await refusal("add", "x", "--kind", "FEISU", "--webhook-url", address)).toEqual([
    2,
    expect.stringContaining("Did you mean FEISHU?"),
  ]);
  expect(await refusal("add", "x", "--kind", "MAIL", "--set", "host")).toEqual([
    2,
    expect.stringContaining("`host` is no setting"),
  ]);
  expect(await refusal("add", "x", "--kind", "SLACK", "--webhook-url", "@none.txt")).toEqual([
    2,
    expect.stringContaining("none.txt cannot be read"),
  ]);
  expect(await refusal("test", "none")).toEqual([2, expect.stringContaining("there is no channel `none`")]);
});

test("a test message tells how it went, by the exit code too", async () => {
  status = 200;
  const good = await place.mflow(["channel", "test", "hook"]);
  expect([good.exitCode, good.stdout]).toEqual([
    0,
    expect.stringMatching(/^channel hook took the test message \(\d+ ms, status 200\)\n$/),
  ]);
  expect(good.stderr).toContain("it answered: thanks");
  status = 404;
  const bad = await place.mflow(["channel", "test", "hook"]);
  expect([bad.exitCode, bad.stdout]).toEqual([1, expect.stringContaining("did not take the test message")]);
  expect(bad.stderr).toContain("it answered: no   2. all is well");
});

test("a dead delivery is found, looked at and sent again", async () => {
  await place.write("told.yaml", pipeline);
  await place.mflow(["apply", "-f", "told.yaml"]);
  status = 404;
  expect((await place.mflow(["run", "told"])).exitCode).toBe(0);
  const dead = await until("dead delivery", async () => {
    const { stdout } = await place.mflow(["deliveries", "-s", "dead", "-o", "json"]);
    return JSON.parse(stdout).items[0];
  });
  expect(lines((await place.mflow(["deliveries"])).stdout)).toEqual([
    "ID                              EVENT      TO            STATE  TRIES",
    `${dead.id}  SUCCEEDED  channel:hook  DEAD   1`,
  ]);
  const shown = (await place.mflow(["deliveries", "get", dead.id])).stdout;
  expect(shown).toMatch(/^State +DEAD: /m);
  expect(shown).toMatch(/^ {2}1\. .* status 404: .*\n {5}no {3}2\. all is well\n$/m);
  expect(lines((await place.mflow(["deliveries", "targets"])).stdout)).toEqual([
    "TARGET        KIND     PENDING  DEAD  STATE",
    "channel:hook  WEBHOOK  0        1     ok",
  ]);

  expect((await place.mflow(["deliveries", "pause", "channel:hook"])).stdout).toBe(
    "channel:hook is paused; 0 messages wait\n",
  );
  status = 200;
  expect((await place.mflow(["deliveries", "resend", dead.id])).stdout).toBe("1 delivery is sent again\n");
  expect((await place.mflow(["deliveries", "resume", "channel:hook"])).stdout).toBe(
    "channel:hook is resumed; 1 message waits\n",
  );
  await until("delivery", async () => {
    const { stdout } = await place.mflow(["deliveries", "-s", "delivered", "-o", "json"]);
    return JSON.parse(stdout).items[0];
  });
  const idle = await place.mflow(["deliveries", "targets"]);
  expect([idle.stdout, idle.stderr]).toEqual([
    "",
    expect.stringContaining("no target has messages that wait"),
  ]);
  const none = await place.mflow(["deliveries", "resend", "--target", "channel:hook"]);
  expect([none.exitCode, none.stdout]).toEqual([1, "0 deliveries are sent again\n"]);
  expect((await place.mflow(["deliveries", "resend"])).stderr).toContain(
    "Give ids of dead deliveries, or --target",
  );
});
