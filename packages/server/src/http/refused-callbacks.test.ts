import type { NewDecisionRecord } from "@mflow/core/schema/decision-record";
import type { FastifyBaseLogger } from "fastify";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { RefusedCallbacks } from "./refused-callbacks.ts";

let rows: NewDecisionRecord[];
let logged: ([object, string] | [string])[];
let refusals: RefusedCallbacks;
const note = (...entry: [object, string] | [string]) => logged.push(entry);
const log = { warn: note, error: note } as unknown as FastifyBaseLogger;
const refused = { rule: "the signature is wrong", code: "CALLBACK_REFUSED" } as const;

beforeEach(() => {
  vi.useFakeTimers({ now: Date.UTC(2026, 0, 1) });
  rows = [];
  logged = [];
  refusals = new RefusedCallbacks({
    append: async (records) => {
      rows.push(...records);
      return [];
    },
  });
});
afterEach(() => vi.useRealTimers());

test("a refusal of which nothing is known is recorded for nobody's scope", async () => {
  await refusals.note("feishu", refused, Date.now(), log);
  expect(rows).toEqual([
    { at: "2026-01-01T00:00:00.000Z", domain: "*", namespace: "*", act: "REFUSE", ...refused },
  ]);
});

test("each channel has sixty rows a minute; the log tells at its end how many more there were", async () => {
  for (let index = 0; index < 100; index++) await refusals.note("feishu", refused, Date.now(), log);
  await refusals.note("slack", refused, Date.now(), log);
  expect(rows.length).toBe(61);
  expect(logged).toEqual([
    [{ channel: "feishu" }, "more than 60 callbacks of a minute were refused; the rest is counted"],
  ]);
  vi.advanceTimersByTime(60_000);
  expect(logged.slice(1)).toEqual([
    [{ channel: "feishu", count: 40 }, "refused callbacks were not recorded"],
  ]);
  await refusals.note("feishu", refused, Date.now(), log);
  expect(rows.length).toBe(62);
});

test("callbacks to no app channel fill no record: the log tells of the first, and how many there were", () => {
  for (let index = 0; index < 100; index++) refusals.leave(Date.now(), log);
  vi.advanceTimersByTime(60_000);
  expect([rows, logged]).toEqual([
    [],
    [
      ["a callback to no app channel was refused; those of this minute are counted"],
      [{ count: 100 }, "callbacks to no app channel were refused"],
    ],
  ]);
});

test("a record that cannot be written is told to the log, and the refusal stands", async () => {
  const failing = new RefusedCallbacks({ append: () => Promise.reject(new Error("the disk is full")) });
  await failing.note("feishu", refused, Date.now(), log);
  expect(logged).toMatchObject([[{ channel: "feishu" }, "a refused callback could not be recorded"]]);
});
