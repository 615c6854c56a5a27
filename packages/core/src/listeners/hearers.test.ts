import { describe, expect, test } from "vitest";
import type { ListenerEvent, Webhook } from "../schema/listener.ts";
import { playJob, playPipeline } from "../testing/start.ts";
import { findListener, hearersOf } from "./hearers.ts";

const hook = (more: Partial<Webhook> = {}): Webhook => ({ url: "https://example.com/hook", ...more });

/** A run of `a > b c` whose pipeline, task `b` and request each have a listener like this. */
function runWith(listener: Partial<Webhook>) {
  return playPipeline("a > b c", {
    tasks: { b: { webhooks: [hook({ ...listener, scope: undefined })] } },
    spec: { webhooks: [hook(listener)] },
    request: { webhooks: [hook(listener)] },
  });
}

/** Who hears of an event of a task, or of the run itself. */
function heard(listener: Partial<Webhook>, type: ListenerEvent, task?: string): string {
  const play = runWith(listener);
  const hearers = hearersOf(play.state.definition, type, task === undefined ? undefined : play.task(task));
  return hearers.webhooks.map(({ path }) => path.split("/")[0]).join(" ");
}

describe("who hears of an event", () => {
  const all = "task pipeline request";
  const around = "pipeline request";

  test.each<[string, Partial<Webhook>, ListenerEvent, string | undefined, string]>([
    ["without events: of every one", {}, "SKIPPED", "b", "task"],
    ["without scope: of the run's own", {}, "FAILED", undefined, around],
    ["without scope: of no stage of a task", {}, "FAILED", "c", ""],
    ["without scope: of the gates of all tasks", {}, "AUDIT_WAITING", "c", around],
    ["a task: of its gates too", {}, "CONFIRM_DENY", "b", all],
    ["events are told apart", { events: ["FAILED", "CANCELED"] }, "SUCCEEDED", undefined, ""],
    ["events that are listed", { events: ["FAILED", "CANCELED"] }, "CANCELED", undefined, around],
    ["events in any case", { events: [" failed "] }, "FAILED", "b", "task"],
    ["an empty list of events: of every one", { events: [] }, "ACTIVE", undefined, around],
    ["events filter gates too", { events: ["FAILED"] }, "AUDIT_WAITING", "b", ""],
    ["scope `*`: of all tasks", { scope: "*" }, "ACTIVE", "a", around],
    ["scope `*`: not of the run", { scope: "*" }, "ACTIVE", undefined, ""],
    ["a task by name", { scope: { task: "b" } }, "ACTIVE", "b", all],
    ["another task by name", { scope: { task: "b" } }, "ACTIVE", "c", ""],
    ["a stage by name", { scope: { stage: "s2" } }, "ACTIVE", "c", around],
    ["a stage by number", { scope: { stage: 2 } }, "ACTIVE", "c", around],
    ["a stage and a task by number", { scope: { stage: 2, task: 1 } }, "ACTIVE", "b", all],
    ["gates of tasks out of scope", { scope: { task: "b" } }, "AUDIT_WAITING", "c", ""],
    ["gates of tasks in scope", { scope: { task: "b" } }, "AUDIT_WAITING", "b", all],
  ])("%s", (_what, listener, type, task, who) => {
    expect(heard(listener, type, task)).toBe(who);
  });

  test("the listeners of a lone task's request are those of the task", () => {
    const play = playJob({ webhooks: [hook({ events: ["FAILED"] })] });
    const { definition } = play.state;
    expect(hearersOf(definition, "FAILED", play.task()).webhooks).toEqual([
      { path: "task/webhooks/0", listener: hook({ events: ["FAILED"] }) },
    ]);
  });
});

describe("the listener of a path", () => {
  const play = playPipeline("a > b", {
    tasks: { b: { imRobots: [{ url: "https://hooks.slack.com/b" }] } },
    spec: { webhooks: [hook(), hook({ channel: "ops", url: undefined })] },
    request: { mentionUsers: [{ users: ["ann"] }] },
  });
  const { definition } = play.state;

  test.each([
    ["task/imRobots/0", { list: "imRobots", listener: { url: "https://hooks.slack.com/b" } }],
    ["pipeline/webhooks/1", { list: "webhooks", listener: { channel: "ops" } }],
    ["request/mentionUsers/0", { list: "mentionUsers", listener: { users: ["ann"] } }],
    ["pipeline/webhooks/2", undefined],
    ["pipeline/stages/0", undefined],
    ["gate", undefined],
  ])("%s", (path, found) => {
    expect(findListener(definition, play.task("b"), path)).toEqual(found);
  });

  test("of a task is not found for a message about the run", () => {
    expect(findListener(definition, undefined, "task/imRobots/0")).toBeUndefined();
  });
});
