// One attempt that updates several cards: a gate that reminds has more than one in a lane.

import { afterEach, beforeEach, expect, test } from "vitest";
import { trySending } from "./attempt.ts";
import { type Channel, SendError } from "./channel.ts";
import { createHttpSender } from "./http-sender.ts";
import type { Prepared } from "./prepare.ts";
import { failed } from "./testing/messages.ts";
import { Receiver } from "./testing/receiver.ts";
import { plainContent } from "./testing/robot.ts";

let receiver: Receiver;
const http = createHttpSender({ allowed: ["127.0.0.1"], userAgent: "mflow-test" });

beforeEach(async () => {
  receiver = await Receiver.open();
});
afterEach(async () => {
  await receiver.close();
});

/** Updates a card by a request for it; 404 says that the card is gone, 429 that there were too many. */
const cards: Channel = {
  kind: "SLACK_APP",
  limits: { concurrency: 1 },
  updates: true,
  async send({ update, signal }) {
    const url = receiver.url(`/${update?.card}`);
    const { status } = await http.send({ url, method: "PUT", headers: {}, body: "", signal });
    if (status === 404) throw new SendError("DEAD", `${update?.card} is gone`, { status });
    if (status === 429) throw new SendError("LIMITED", "too many", { status });
    return { status };
  },
};

const prepared: Prepared = {
  channel: cards,
  outgoing: {
    ...{ messageId: failed.id, deliveryId: "dlv-1", message: failed, content: plainContent, settings: {} },
  },
  updates: [{ card: "3" }, { card: "2" }, { card: "1" }],
  secrets: [],
};

async function attempt(updated?: Set<string>) {
  const stop = new AbortController().signal;
  const { result, attempt } = await trySending(prepared, {
    timeoutMs: 5_000,
    stop,
    ...(updated && { updated }),
  });
  const paths = receiver.received.splice(0).map(({ path }) => path);
  return { result, status: attempt.status, error: attempt.error, paths };
}

test("every card is updated, in one attempt", async () => {
  expect(await attempt()).toEqual({
    result: { state: "DELIVERED" },
    status: 200,
    error: undefined,
    paths: ["/3", "/2", "/1"],
  });
});

test("a card that is gone does not keep the others from being updated, and is told of", async () => {
  receiver.behaviour = ({ path }) => (path === "/3" ? 404 : 200);
  expect(await attempt()).toEqual({
    result: { state: "DEAD", error: "3 is gone" },
    status: 404,
    error: "3 is gone",
    paths: ["/3", "/2", "/1"],
  });
});

test("what was updated before a place had too many is not updated again", async () => {
  const updated = new Set<string>();
  receiver.behaviour = ({ path }) => (path === "/2" ? 429 : 200);
  const first = await attempt(updated);
  expect([first.result, first.paths]).toEqual([{ state: "LIMITED", error: "too many" }, ["/3", "/2"]]);
  receiver.behaviour = () => 200;
  const second = await attempt(updated);
  expect([second.result, second.paths]).toEqual([{ state: "DELIVERED" }, ["/2", "/1"]]);
});
