import type { JobSpec } from "@mflow/core/schema/job";
import type { ExtendingPipelineSpec, PipelineSpec, TaskSpec } from "@mflow/core/schema/pipeline";
import type { ScheduleSpec } from "@mflow/core/schema/schedule";
import { expect, test } from "vitest";
import type { Vault } from "./context.ts";
import { jobMeaning, pipelineMeaning, scheduleMeaning } from "./sameness.ts";

/** Seals to another text each time. */
const vault: Vault = {
  seal: (plain) => `sealed:v1:${Math.random()}:${plain}`,
  unseal: (sealed) => {
    const [, plain] = /^sealed:v1:[^:]*:(.*)$/.exec(sealed) ?? [];
    if (plain === undefined) throw new Error("unknown key");
    return plain;
  },
  isSealed: (text) => text.startsWith("sealed:v1:"),
  fingerprint: (plain) => `print of ${plain}`,
};

const job = (spec: Partial<JobSpec>) => jobMeaning({ runnerType: "FAKE", runnerSpec: {}, ...spec }, vault);

const pipeline = (spec: Partial<PipelineSpec>, task: Partial<TaskSpec> = {}) =>
  pipelineMeaning({ stages: [{ name: "s", tasks: [{ name: "t", job: "j", ...task }] }], ...spec }, vault);

const extending = (spec: Partial<ExtendingPipelineSpec>) =>
  pipelineMeaning({ extends: "base", ...spec }, vault);

const schedule = (spec: Partial<ScheduleSpec>) =>
  scheduleMeaning({ pipeline: "backup", cron: "@daily", ...spec }, vault);

test.each([
  [
    "a default that is spelled out",
    job({}),
    job({ visibility: "NAMESPACE", allowRollback: false, runParams: [] }),
  ],
  ["a duration in other units", job({ timeout: "60s" }), job({ timeout: "1m" })],
  [
    "a declared param with its defaults",
    job({ runParams: [{ name: "A", value: 1 }] }),
    job({ runParams: [{ name: "A", value: "1", usageType: "ENV", valueType: "TEXT", enumOptions: [] }] }),
  ],
  [
    "the same value sealed twice",
    job({ runParams: [{ name: "A", sensitive: true, value: vault.seal("x") }] }),
    job({ runParams: [{ name: "A", sensitive: true, value: vault.seal("x") }] }),
  ],
  [
    "values as a map and as a list in another order",
    pipeline({ with: { A: 1, B: true } }),
    pipeline({
      with: [
        { name: "B", value: "true", scope: {} },
        { name: "A", value: "1", scope: "*" },
      ],
    }),
  ],
  ["a reference to the newest version", pipeline({}, { job: "j" }), pipeline({}, { job: "j:latest" })],
  [
    "a gate with its defaults",
    pipeline({}, { audit: { auditors: ["ada"] } }),
    pipeline({}, { audit: { enable: true, required: 1, allowSelf: false, auditors: ["ada"] } }),
  ],
  [
    "a gate whose times are in other units",
    pipeline({}, { confirm: { checkers: ["ada"], expiresIn: "60m", remindEvery: "1h" } }),
    pipeline({}, { confirm: { checkers: ["ada"], expiresIn: "1h", onExpire: "DENY", remindEvery: "60m" } }),
  ],
  [
    "listeners with defaults that are spelled out",
    pipeline({ mentionUsers: [{ users: ["ada"] }], webhooks: [{ url: "https://a.b/" }] }, { imRobots: [] }),
    pipeline({
      mentionUsers: [{ users: ["ada"], ways: ["IM", "MAIL"], events: [] }],
      imRobots: [],
      webhooks: [{ url: "https://a.b/", headers: {} }],
    }),
  ],
  [
    "events of a listener in another order and case, and a scope that matches all",
    pipeline({ webhooks: [{ channel: "c", events: ["FAILED", "CANCELED"], scope: "*" }] }),
    pipeline({ webhooks: [{ channel: "c", events: ["canceled", "failed", "FAILED"], scope: {} }] }),
  ],
  [
    "the same secrets of a listener sealed twice",
    pipeline({
      webhooks: [{ url: "https://a.b/", secret: vault.seal("x"), headers: { A: vault.seal("y") } }],
    }),
    pipeline({
      webhooks: [{ url: "https://a.b/", secret: vault.seal("x"), headers: { A: vault.seal("y") } }],
    }),
  ],
  [
    "what is overridden, in other forms and orders",
    extending({ stages: [], overrides: { tasks: { t: { timeout: "60s", runParams: { A: 1 } } } } }),
    extending({
      visibility: "NAMESPACE",
      overrides: {
        stages: {},
        unset: [],
        tasks: { t: { remove: false, runParams: [{ name: "A", value: "1" }], timeout: "1m" } },
      },
    }),
  ],
  [
    "what is defaulted of retries, groups, queues, files and what follows",
    pipeline(
      {
        queue: {},
        concurrency: { group: "g" },
        nextPipeline: { pipeline: "q", runParams: { A: 1 } },
      },
      {
        needs: ["a", "b"],
        retry: { limit: 1, backoff: { initial: "60s" } },
        artifacts: [{ name: "a", path: "a", retention: "60m" }],
        cache: { key: {}, paths: ["x"] },
      },
    ),
    pipeline(
      {
        queue: { maxLength: 100 },
        concurrency: { group: "g", limit: 1, cancelInProgress: false },
        nextPipeline: { pipeline: "q", runParams: { A: "1" }, labels: {}, queue: false },
        priority: 0,
        holdLock: true,
      },
      {
        needs: ["b", "a"],
        retry: {
          limit: 1,
          backoff: { initial: "1m", factor: 2, max: "60m", jitter: 0 },
          on: ["TIMEOUT", "FAILED"],
        },
        artifacts: [{ name: "a", path: "a", retention: "1h", when: "ON_SUCCESS", optional: false }],
        fetch: [],
        cache: [{ key: {}, paths: ["x"], when: "ON_SUCCESS" }],
      },
    ),
  ],
  [
    "fields that are unset in another order",
    extending({ overrides: { unset: ["with", "timeout"] } }),
    extending({ overrides: { unset: ["timeout", "with", "with"] } }),
  ],
  [
    "a schedule with its defaults",
    schedule({ catchUp: { policy: "ALL" } }),
    schedule({
      ...{ timeZone: "UTC", overlap: "SKIP", jitter: "0s", paused: false, labels: {}, runParams: [] },
      catchUp: { policy: "ALL", limit: 10 },
    }),
  ],
  [
    "a schedule that catches up with nothing",
    schedule({}),
    schedule({ cron: ["@daily"], catchUp: { policy: "SKIP" } }),
  ],
  [
    "a schedule whose times are written in other ways",
    schedule({ cron: ["@daily", "0 6 * * *"], jitter: "60s", startAt: "2026-03-01T12:00:00Z" }),
    schedule({
      cron: ["0  6 * * *", "@daily", "@daily"],
      ...{ jitter: "1m", startAt: "2026-03-01T13:00:00+01:00" },
    }),
  ],
  [
    "the same values of a schedule, sealed twice",
    schedule({ runParams: [{ name: "A", sensitive: true, value: vault.seal("x") }] }),
    schedule({ runParams: [{ name: "A", sensitive: true, value: vault.seal("x") }] }),
  ],
])("%s means the same", (_what, one, other) => {
  expect(one).toBe(other);
});

test.each([
  [
    "a default that overrides",
    extending({ overrides: { stages: { s: {} } } }),
    extending({ isParallel: false, overrides: { stages: { s: {} } } }),
  ],
  [
    "a default that overrides in a task",
    extending({ overrides: { tasks: { t: { timeout: "1m" } } } }),
    extending({ overrides: { tasks: { t: { timeout: "1m", skipRun: false } } } }),
  ],
  [
    "an empty list that takes those of the other pipeline away",
    extending({ overrides: { tasks: { t: { timeout: "1m" } } } }),
    extending({ overrides: { tasks: { t: { timeout: "1m", artifacts: [] } } } }),
  ],
  ["a task that waits for nothing", pipeline({}), pipeline({}, { needs: [] })],
  ["a queue", pipeline({}), pipeline({ queue: {} })],
  ["a schedule of another zone", schedule({}), schedule({ timeZone: "Europe/Berlin" })],
  ["another label of the runs", schedule({ labels: { a: "1" } }), schedule({ labels: { a: "2" } })],
  [
    "another secret of a schedule",
    schedule({ runParams: [{ name: "A", sensitive: true, value: vault.seal("x") }] }),
    schedule({ runParams: [{ name: "A", sensitive: true, value: vault.seal("y") }] }),
  ],
  ["another pipeline that is extended", extending({}), extending({ extends: "other" })],
  [
    "another secret of a listener",
    pipeline({ webhooks: [{ url: "https://a.b/", secret: vault.seal("x") }] }),
    pipeline({ webhooks: [{ url: "https://a.b/", secret: vault.seal("y") }] }),
  ],
  [
    "a listener of all tasks, and one of the run itself",
    pipeline({ webhooks: [{ url: "https://a.b/", scope: "*" }] }),
    pipeline({ webhooks: [{ url: "https://a.b/" }] }),
  ],
  [
    "listeners in another order",
    pipeline({ webhooks: [{ channel: "a" }, { channel: "b" }] }),
    pipeline({ webhooks: [{ channel: "b" }, { channel: "a" }] }),
  ],
  [
    "another value",
    job({ runParams: [{ name: "A", value: "1" }] }),
    job({ runParams: [{ name: "A", value: "2" }] }),
  ],
  [
    "a default that is empty",
    job({ runParams: [{ name: "A" }] }),
    job({ runParams: [{ name: "A", required: true }] }),
  ],
  ["a `false` in the runner's own spec", job({ runnerSpec: {} }), job({ runnerSpec: { lost: false } })],
  ["an empty list in the runner's own spec", job({ runnerSpec: {} }), job({ runnerSpec: { log: [] } })],
  [
    "two values of one name in another order",
    pipeline({
      with: [
        { name: "A", value: 1 },
        { name: "A", value: 2 },
      ],
    }),
    pipeline({
      with: [
        { name: "A", value: 2 },
        { name: "A", value: 1 },
      ],
    }),
  ],
  ["a gate that lists nobody and no gate", pipeline({}), pipeline({}, { audit: {} })],
  [
    "a stage's own `failFast` against the pipeline's",
    pipeline({ failFast: true }),
    pipeline({ failFast: false }),
  ],
  [
    "a sealed value whose key is gone",
    job({ runParams: [{ name: "A", value: "sealed:v1:gone" }] }),
    job({ runParams: [{ name: "A", value: "x" }] }),
  ],
])("%s means something else", (_what, one, other) => {
  expect(one).not.toBe(other);
});
