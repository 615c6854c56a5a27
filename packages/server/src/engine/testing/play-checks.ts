// What must be true of the store once everything of a play has ended, as the history tells it: no limit was exceeded,
// nothing is held or owed any more, what follows a run came once, and everything was told once and in its order.

import { listenerEventOf } from "@mflow/core/listeners/events";
import type { HistoryEvent } from "@mflow/core/schema/event";
import type { JobTask } from "@mflow/core/schema/job-task";
import type { PipelineTask } from "@mflow/core/schema/pipeline-task";
import { expect } from "vitest";
import type { Store } from "../../store/store.ts";
import { MAX_TASKS, type Play } from "./play.ts";
import { GROUP_LIMIT, MATRIX_LIMIT, type PlayPipeline, SHARING } from "./play-pipelines.ts";

const PAGE = 500;

export async function check({ store, engine }: Play): Promise<void> {
  expect(engine.counts).toEqual({ unfinished: 0, slotsHeld: 0, slotsWaiting: 0 });
  const history = await store.history.list({ after: 0, limit: 100_000 });
  const runs = await all((cursor) => store.runs.listRuns({ limit: PAGE, ...cursor }));
  const tasks = await all((cursor) => store.runs.listTasks({ limit: PAGE, ...cursor }));
  checkLimits(history);
  checkEnds(runs, tasks);
  await checkNothingHeld(store, runs);
  checkChains(runs);
  checkSchedules(runs, history);
  await checkTold(store, history);
}

async function all<T>(
  list: (cursor: { cursor?: string }) => Promise<{ items: T[]; nextCursor?: string }>,
): Promise<T[]> {
  const found: T[] = [];
  let cursor: { cursor?: string } | undefined = {};
  while (cursor) {
    const page: { items: T[]; nextCursor?: string } = await list(cursor);
    found.push(...page.items);
    cursor = page.nextCursor === undefined ? undefined : { cursor: page.nextCursor };
  }
  return found;
}

/** What the history tells of how many were under way at once. */
function checkLimits(history: readonly HistoryEvent[]): void {
  const nameOf = new Map<string, string>();
  const tasks = new Map<string, HistoryEvent>();
  /** Those of them whose work takes a slot: not while a confirm waits. */
  const working = new Set<string>();
  const runs = new Set<string>();
  /** Pipelines, and jobs of lone tasks, whose work takes no slot. */
  const noSlot: (string | undefined)[] = ["outside", "above", "above-newest", "call"];
  for (const event of history) {
    const { type, taskId, pipelineTaskId = "", stage = "" } = event;
    if (type === "RUN_STAGE") {
      nameOf.set(pipelineTaskId, event.name ?? "");
      if (stage === "ACTIVE" || stage === "CANCELING") runs.add(pipelineTaskId);
      else runs.delete(pipelineTaskId);
    } else if (type === "TASK_STAGE" && taskId !== undefined) {
      if (["CREATING", "ACTIVE", "CANCELING"].includes(stage)) {
        tasks.set(taskId, event);
        if (!noSlot.includes(nameOf.get(pipelineTaskId) ?? event.name)) working.add(taskId);
      } else {
        tasks.delete(taskId);
        working.delete(taskId);
      }
    } else if (type === "TASK_REPORTED") working.delete(taskId ?? "");
    else continue;
    const of = (name: PlayPipeline) => [...runs].filter((id) => nameOf.get(id) === name).length;
    const tasksOf = (name: PlayPipeline) =>
      [...tasks.values()].filter((each) => nameOf.get(each.pipelineTaskId ?? "") === name);
    expect(working.size).toBeLessThanOrEqual(MAX_TASKS);
    for (const name of ["line", "second", "broken"] as const) expect(of(name)).toBeLessThanOrEqual(1);
    expect(of("newest") + of("first")).toBeLessThanOrEqual(1);
    expect(tasksOf("tasks").length).toBeLessThanOrEqual(1);
    expect(tasksOf("newest-tasks").filter(({ name }) => name === "a").length).toBeLessThanOrEqual(1);
    const ways = tasksOf("matrix").filter(({ name }) => name !== "b");
    for (const group of Map.groupBy(ways, (each) => each.pipelineTaskId).values())
      expect(group.length).toBeLessThanOrEqual(MATRIX_LIMIT);
    const sharing = SHARING.reduce((sum, name) => sum + tasksOf(name).length, 0);
    expect(of("group") + sharing).toBeLessThanOrEqual(GROUP_LIMIT);
  }
  expect([...runs, ...tasks.keys()]).toEqual([]);
}

function checkEnds(runs: readonly PipelineTask[], tasks: readonly JobTask[]): void {
  const isOver = ({ status: { stage } }: PipelineTask | JobTask) =>
    ["SUCCEEDED", "FAILED", "CANCELED", "SKIPPED"].includes(stage);
  expect([...runs, ...tasks].filter((each) => !isOver(each))).toEqual([]);
}

async function checkNothingHeld(store: Store, runs: readonly PipelineTask[]): Promise<void> {
  for (const { lockKey } of runs) {
    if (lockKey !== undefined) expect(await store.runs.lockHolder(lockKey)).toBe(undefined);
  }
  const never = Number.MAX_SAFE_INTEGER;
  expect(await store.outbox.claim({ owner: "check", until: 0 }, never, PAGE)).toEqual([]);
}

/** What a run brings about comes once. */
function checkChains(runs: readonly PipelineTask[]): void {
  const origins = runs.flatMap(({ parent, previous }) => {
    if (parent) return [`${parent.taskId} ${parent.attempt}`];
    return previous ? [previous.runId] : [];
  });
  expect(origins).toEqual([...new Set(origins)]);
  const unsettled = runs.filter(
    ({ status: { next } }) => next && next.runId === undefined && next.code === undefined,
  );
  expect(unsettled).toEqual([]);
}

/** A time has one run at most, and one event. */
function checkSchedules(runs: readonly PipelineTask[], history: readonly HistoryEvent[]): void {
  const times = runs.flatMap(({ labels = {} }) => {
    const time = labels["mflow.scheduledAt"];
    return time === undefined ? [] : [`${labels["mflow.schedule"]} ${time}`];
  });
  expect(times).toEqual([...new Set(times)]);
  const noted = history
    .filter(({ type }) => type === "SCHEDULE_STARTED")
    .map((event) => event.pipelineTaskId);
  expect(noted).toEqual([...new Set(noted)]);
  const scheduled = runs.filter(({ triggerMode }) => triggerMode === "SCHEDULE").map(({ id }) => id);
  expect(scheduled.filter((id) => !noted.includes(id))).toEqual([]);
}

/** Every event of which somebody hears was told once, in the order of the history. */
async function checkTold(store: Store, history: readonly HistoryEvent[]): Promise<void> {
  const deliveries = await all((cursor) => store.deliveries.list({ limit: PAGE, ...cursor }));
  const lanes = deliveries.map(({ messageId, listener, target, action }) =>
    [messageId, listener, target, action].join(" "),
  );
  expect(lanes).toHaveLength(new Set(lanes).size);
  const told = new Map<string, string[]>();
  for (const { id, action } of deliveries.toReversed()) {
    // An update shows a step of a gate on a card, of which nobody is told.
    if (action === "UPDATE") continue;
    const message = await store.deliveries.message(id);
    if (!message) continue;
    const { run, task, type, at } = message;
    note(told, run?.id ?? task?.id, message.id, `${task?.id ?? run?.id} ${type} ${at}`);
  }
  const happened = new Map<string, string[]>();
  for (const event of history) {
    const { pipelineTaskId, taskId, at, seq } = event;
    const type = listenerEventOf(event);
    if (type)
      note(happened, pipelineTaskId ?? taskId, String(seq), `${taskId ?? pipelineTaskId} ${type} ${at}`);
  }
  expect(Object.fromEntries(told)).toEqual(Object.fromEntries(happened));
}

const noted = new WeakMap<Map<string, string[]>, Set<string>>();

/** Of what several hear, one is enough. */
function note(of: Map<string, string[]>, owner = "", key: string, what: string): void {
  const keys = noted.get(of) ?? new Set();
  noted.set(of, keys);
  if (keys.has(key)) return;
  keys.add(key);
  of.set(owner, [...(of.get(owner) ?? []), what]);
}
