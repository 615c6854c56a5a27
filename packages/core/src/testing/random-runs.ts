// Random pipelines and random changes for properties: reports that come twice, late or out of order, calls with
// right, wrong and old tokens, decisions of the right and the wrong people and of those who stand in for them, passes
// that are taken back, results that are pushed back, cancels, timers.

import fc from "fast-check";
import type { Actor, Change, Report } from "../change.ts";
import { standingDecisions } from "../gate.ts";
import type { JobSpec } from "../schema/job.ts";
import type { JobTask } from "../schema/job-task.ts";
import type { PipelineSpec, StageSpec, TaskSpec } from "../schema/pipeline.ts";
import type { UpdateStatusRequest } from "../schema/request.ts";
import { type Decision, isOver, type RunState } from "../state.ts";
import { isEnded } from "../transitions.ts";
import { OPERATOR, type Play, person, STARTER } from "./play.ts";
import { tokenOf } from "./world.ts";

type LaterChange = Exclude<Change, { type: "runPipeline" }>;

/** Plain values of sensitive params, and of listeners, of the random jobs and requests. */
export const SECRETS = ["s3cret-default", "first-line-of-key", "second-line-of-key", "s3cret-of-listener"];
const LEAK = `it said ${SECRETS[0]} and ${SECRETS[2]}`;

const declared: JobSpec["runParams"] = [
  { name: "PASSWORD", sensitive: true, value: SECRETS[0] },
  { name: "KEY", sensitive: true, usageType: "TEMPLATE" },
  { name: "VERSION", searchLabel: true },
];
const runnerSpec = { args: ["${KEY}", "${VERSION}"] };

export const RANDOM_JOBS: Record<string, Partial<JobSpec>> = {
  noop: { runParams: declared, runnerSpec },
  manual: { runParams: declared, runnerSpec, manualUpdateStatus: true },
};
/** Its webhook hears of all tasks. */
export const RANDOM_REQUEST = {
  runParams: { KEY: `${SECRETS[1]}\n${SECRETS[2]}` },
  mentionUsers: [{ users: ["ann", "fay"], scope: "*" as const }],
  webhooks: [{ url: "https://example.com/", secret: SECRETS[3], scope: "*" as const }],
};
export const PEOPLE = ["ann", "bob", "carol"];
/** Stands in for carol. */
export const STAND_IN = "eve";

const sometimes = <T>(value: fc.Arbitrary<T>) =>
  fc.option(value, { nil: undefined, freq: 3 }) as fc.Arbitrary<T | undefined>;

const gate = fc.record({
  required: fc.constantFrom(1, 1, 2),
  expiresIn: sometimes(fc.constantFrom("20s", "10m")),
  onExpire: fc.constantFrom("DENY" as const, "ESCALATE" as const),
  escalateTo: fc.constant(["dora"]),
  remindEvery: sometimes(fc.constantFrom("7s", "3m")),
});

const taskArbitrary = fc.record({
  job: fc.constantFrom("noop", "noop", "manual"),
  skipRun: sometimes(fc.constant(true)),
  ignoreFailed: sometimes(fc.boolean()),
  timeout: sometimes(fc.constantFrom("10s", "5m")),
  retry: sometimes(
    fc.constantFrom<TaskSpec["retry"]>(
      { limit: 1 },
      { limit: 2, on: ["FAILED", "TIMEOUT", "LOST"], backoff: { initial: "5s", jitter: 0.5 } },
    ),
  ),
  when: sometimes(
    fc.constantFrom(
      "run.stage == 'ACTIVE'",
      "has(envs.V0)",
      "has(params.VERSION) || run.runBy == 'starter'",
      "false",
      "envs.V1 == 'x'",
    ),
  ),
  matrix: sometimes(
    fc.constantFrom<TaskSpec["matrix"]>(
      { params: { VERSION: ["1", "2", "3"] }, maxParallel: 2 },
      { params: { VERSION: ["1", "2"], OS: ["a", "b"] }, exclude: [{ VERSION: "2", OS: "a" }] },
      { fromEnv: "LIST" },
    ),
  ),
  audit: sometimes(gate.map((rules) => ({ ...rules, auditors: PEOPLE }))),
  confirm: sometimes(
    fc.tuple(gate, fc.constantFrom(1, 3)).map(([rules, maxPushBacks]) => ({
      ...rules,
      checkers: PEOPLE,
      maxPushBacks,
    })),
  ),
}) as fc.Arbitrary<Omit<TaskSpec, "name">>;

const stageArbitrary = fc.record({
  isParallel: fc.boolean(),
  maxParallel: sometimes(fc.integer({ min: 1, max: 3 })),
  failFast: sometimes(fc.boolean()),
  when: sometimes(fc.constantFrom("run.name == 'p'", "has(envs.V1)", "!has(envs.V0)", "envs.V2 == 'x'")),
  ignoreFailed: sometimes(fc.boolean()),
  timeout: sometimes(fc.constantFrom("30s", "10m")),
  tasks: fc.array(taskArbitrary, { minLength: 1, maxLength: 4 }),
});

/** Which earlier tasks each task needs: nothing, or as picked. */
const needsArbitrary = fc.array(sometimes(fc.array(fc.nat(100), { maxLength: 3 })), { maxLength: 12 });

/** A pipeline with something to run. */
export const pipelineArbitrary: fc.Arbitrary<PipelineSpec> = fc
  .record({
    failFast: sometimes(fc.boolean()),
    timeout: sometimes(fc.constantFrom("1m", "1h")),
    stages: fc.array(stageArbitrary, { minLength: 1, maxLength: 3 }),
    cleanUp: sometimes(stageArbitrary),
    needs: needsArbitrary,
  })
  .map(({ failFast, timeout, stages, cleanUp, needs }): PipelineSpec => {
    const named = stages.map((stage, index) => namedStage(stage, index, needs));
    if (cleanUp) named.push({ ...namedStage(cleanUp, named.length, []), finally: true });
    return { failFast, timeout, stages: named };
  })
  .filter(({ stages }) => stages.some((stage) => stage.tasks.some((task) => !task.skipRun)));

type AnyStage = Omit<StageSpec, "name" | "tasks"> & { tasks: Omit<TaskSpec, "name">[] };

/** Tasks may need tasks of earlier stages, and those before them in their own. */
function namedStage(stage: AnyStage, index: number, needs: readonly (number[] | undefined)[]): StageSpec {
  const nameOf = (ofStage: number, place: number) => `t${ofStage + 1}${place + 1}`;
  const tasks = stage.tasks.map((task, place): TaskSpec => {
    const earlier = [
      ...Array.from({ length: index }, (_, ofStage) => nameOf(ofStage, 0)),
      ...Array.from({ length: place }, (_, before) => nameOf(index, before)),
    ];
    const picked = needs[index * 4 + place]?.map((pick) => earlier[pick % Math.max(earlier.length, 1)]);
    const needed = picked && [...new Set(picked)].filter((name) => name !== undefined);
    return { ...task, ...(needed && { needs: needed }), name: nameOf(index, place) };
  });
  return { ...stage, name: `s${index + 1}`, tasks };
}

const confirmedStage = fc.record({
  isParallel: fc.boolean(),
  maxParallel: sometimes(fc.integer({ min: 1, max: 3 })),
  tasks: fc.array(
    fc.record({
      job: fc.constant("noop"),
      audit: sometimes(fc.constant({ auditors: PEOPLE })),
      confirm: fc.constant({ checkers: PEOPLE, maxPushBacks: 4 }),
    }),
    { minLength: 1, maxLength: 4 },
  ),
});

/** A pipeline whose results are all confirmed, for results that are pushed back far. */
export const confirmedPipelineArbitrary: fc.Arbitrary<PipelineSpec> = fc
  .array(confirmedStage, { minLength: 1, maxLength: 4 })
  .map((stages) => ({
    stages: stages.map((stage, index): StageSpec => {
      const tasks = stage.tasks.map((task, place) => ({ ...task, name: `t${index + 1}${place + 1}` }));
      return { ...stage, name: `s${index + 1}`, tasks };
    }),
  }));

/** Mostly work that succeeds, and is confirmed or pushed back. */
export const confirmedMovesArbitrary: fc.Arbitrary<Move[]> = fc.array(
  fc.record({
    kind: fc.oneof(
      {
        weight: 80,
        arbitrary: fc.constantFrom("succeed", "succeed", "pass", "pass", "pushBack", "taskTurn"),
      },
      { weight: 5, arbitrary: fc.constantFrom("withdraw", "wake") },
    ),
    pick: fc.nat(1000),
    variant: fc.nat(1000),
  }),
  { maxLength: 90, size: "max" },
);

/** A change in the making; what it means depends on the state in which it comes. */
export interface Move {
  kind: string;
  /** Which task. */
  pick: number;
  /** Which variant. */
  variant: number;
}

const kinds = [
  ...["report", "report", "report", "report", "report", "status", "status", "output", "taskTurn", "taskTurn"],
  ...["audit", "audit", "confirm", "confirm", "wake", "wake", "tick", "startFailed", "stopped", "cancelTask"],
  ...["withdraw", "withdraw", "pushBack", "pushBack", "pushBack", "wakeRun"],
];

export const movesArbitrary: fc.Arbitrary<Move[]> = fc.array(
  fc.record({
    kind: fc.oneof(
      { weight: 60, arbitrary: fc.constantFrom(...kinds) },
      fc.constantFrom("cancelRun", "cancelStage", "rerun"),
    ),
    pick: fc.nat(1000),
    variant: fc.nat(1000),
  }),
  { maxLength: 60, size: "max" },
);

/** The change that a move stands for now. */
export function changeOf({ kind, pick, variant }: Move, play: Play): [LaterChange, Actor?] | undefined {
  const task = pickTask(play.state, pick);
  const taskId = task.id;
  const decision = {
    verdict: variant % 5 === 0 ? ("DENY" as const) : ("PASS" as const),
    ...(variant % 7 === 0 ? {} : { comment: "so it is" }),
  };
  switch (kind) {
    case "report":
      return [{ type: "report", report: reportOf(task, variant, play.world.now) }];
    case "status":
      return statusOf(task, variant);
    case "output": {
      const token = tokenOf(taskId, task.attempt - (variant % 5 === 0 ? 1 : 0));
      const runtimeEnvs = { [`V${variant % 3}`]: `${variant}`, own: "1", VERSION: LEAK };
      return [
        { type: "updateOutput", taskId, request: { updateToken: token, runtimeEnvs, markdownOutput: LEAK } },
      ];
    }
    case "audit":
    case "confirm":
      return [
        { type: kind, taskId, request: decision },
        person([...PEOPLE, STAND_IN, "starter", "dora"][variant % 6] ?? ""),
      ];
    case "succeed": {
      const runtimeEnvs = { OUT: `${variant}`, [`V${variant % 3}`]: task.name };
      const report = { taskId, attempt: task.attempt, stage: "SUCCEEDED", at: play.world.now, runtimeEnvs };
      return [{ type: "report", report: report as Report }];
    }
    case "pass": {
      const which = task.status.stage === "PENDING" ? "audit" : "confirm";
      return [{ type: which, taskId, request: { verdict: "PASS" } }, person(PEOPLE[variant % 3] ?? "")];
    }
    case "withdraw": {
      const which = task.confirm?.stage === "WAITING" ? "confirm" : "audit";
      return [
        { type: "withdraw", gate: which, taskId, request: {} },
        person([...PEOPLE, STAND_IN][variant % 4] ?? ""),
      ];
    }
    case "pushBack": {
      const held = [...play.state.tasks.values()].filter((each) => each.confirm?.stage === "WAITING");
      const back = held[pick % Math.max(held.length, 1)] ?? task;
      const names = [...play.state.tasks.values()].map(({ name }) => name);
      const pushBackTo = variant % 3 === 0 ? back.name : (names[variant % names.length] ?? "");
      const request = { verdict: "PUSH_BACK" as const, pushBackTo, comment: `again ${variant}` };
      return [{ type: "confirm", taskId: back.id, request }, person(PEOPLE[variant % 2] ?? "")];
    }
    case "cancelTask":
      return [{ type: "cancelTask", taskId, request: {} }, STARTER];
    case "cancelRun":
      return [{ type: "cancelRun", request: variant % 3 === 0 ? { force: true } : {} }, STARTER];
    case "cancelStage":
      return [{ type: "cancelStage", stage: task.stageName ?? "", request: {} }, STARTER];
    case "wakeRun": {
      const { wakeAt } = play.state.run ?? {};
      if (wakeAt !== undefined && variant % 4 === 0) {
        play.world.nowMs = Math.max(play.world.nowMs, Date.parse(wakeAt));
      }
      return [{ type: "wakeRun" }];
    }
    case "taskTurn":
      return [{ type: "taskTurn", taskId }];
    case "wake":
      if (task.wakeAt !== undefined && variant % 2 === 0) {
        play.world.nowMs = Math.max(play.world.nowMs, Date.parse(task.wakeAt));
      }
      return [{ type: "wake", taskId }];
    case "startFailed":
      return [
        { type: "startFailed", taskId, attempt: task.attempt - (variant % 3 === 0 ? 1 : 0), message: LEAK },
      ];
    case "stopped":
      return task.status.stopping ? [{ type: "stopped", taskId, attempt: task.attempt }] : undefined;
    case "rerun":
      return [{ type: "runJob", request: { id: taskId }, scope: task }, STARTER];
    default:
      play.world.nowMs += variant * 100;
      return undefined;
  }
}

/** Mostly a task that is open, so that something happens. */
function pickTask(state: RunState, pick: number): JobTask {
  const all = [...state.tasks.values()];
  const open = all.filter((task) => task.attempt > 0 && !isEnded(task.status.stage));
  const pool = pick % 4 === 0 || open.length === 0 ? all : open;
  return pool[pick % pool.length] as JobTask;
}

/** What dynamic matrices come from, right and wrong. */
const LISTS = ['["a","b"]', "[]", '{"VERSION":["7","8"]}', "no list", '[{"VERSION":"1"},{"VERSION":"2"}]'];

const reportStages = [
  "ACTIVE",
  "ACTIVE",
  "SUCCEEDED",
  "SUCCEEDED",
  "FAILED",
  "CREATING",
  "CANCELED",
] as const;

function reportOf(task: JobTask, variant: number, at: string): Report {
  const stage = reportStages[variant % reportStages.length] ?? "ACTIVE";
  const report: Report = { taskId: task.id, attempt: task.attempt - (variant % 6 === 5 ? 1 : 0), stage, at };
  if (stage === "FAILED") report.reason = variant % 8 === 4 ? "LOST" : "EXIT_CODE";
  if (variant % 2 === 0) report.message = LEAK;
  if (variant % 3 === 0) {
    report.runtimeEnvs = { OUT: `${variant}`, VERSION: LEAK, LIST: LISTS[variant % LISTS.length] as string };
    report.markdownOutput = LEAK;
    report.steps = [{ name: `sh ${SECRETS[0]}`, exitCode: 1 }];
  }
  return report;
}

const statusStages = ["ACTIVE", "SUCCEEDED", "FAILED", "CREATING", "CANCELED", "SUCCEEDED"] as const;

function statusOf(task: JobTask, variant: number): [LaterChange, Actor?] {
  const stage = statusStages[variant % statusStages.length] ?? "ACTIVE";
  // What a task never got, it cannot tell.
  const said = task.params ? LEAK : "it never ran";
  const request: UpdateStatusRequest = { stage, message: said, detail: said, extension: { note: said } };
  if (variant % 11 === 0) request.forceTriggerPipeline = true;
  const change = { type: "updateStatus", taskId: task.id, request } as const;
  if (variant % 13 === 0) {
    request.forceUpdateStatus = true;
    return [change, OPERATOR];
  }
  if (variant % 10 === 9) return [change, OPERATOR];
  const age = variant % 5 === 0 ? 1 : 0;
  request.updateToken = variant % 9 === 0 ? "wrong" : tokenOf(task.id, task.attempt - age);
  return [change];
}

/**
 * Does all work that is left and decides all gates, as runners, timers and people would. Calls back with each
 * decision; throws when nothing moves any more before the end. `neverFails`: all work succeeds.
 */
export function driveToEnd(
  play: Play,
  onDecision: (decision: Decision) => void,
  { neverFails = false } = {},
): void {
  for (let round = 0; !isOver(play.state); round++) {
    if (round > 200) throw new Error(`it does not end: ${play.stages.join(", ")}`);
    for (const task of [...play.state.tasks.values()]) {
      const step = nextStepOf(play, task, neverFails ? 1 + 3 * round : round);
      if (step) onDecision(play.submit(...step));
    }
  }
}

function nextStepOf(play: Play, stale: JobTask, round: number): [LaterChange, Actor?] | undefined {
  const task = play.state.tasks.get(stale.id) as JobTask;
  const { id: taskId, attempt } = task;
  const { stage, reported, stopping, workGoneAt } = task.status;
  if (isEnded(stage)) return undefined;
  const free = (kind: "audit" | "confirm") => {
    const gate = task[kind];
    const decided = gate ? standingDecisions(gate).flatMap(({ user, onBehalfOf }) => [user, onBehalfOf]) : [];
    return person(PEOPLE.find((name) => !decided.includes(name)) ?? "");
  };
  const request = { verdict: "PASS" as const };
  if (task.wakeAt !== undefined && Date.parse(task.wakeAt) <= play.world.nowMs) {
    return [{ type: "wake", taskId }];
  }
  if (stage === "PENDING" && task.audit?.stage !== "WAITING") return undefined;
  if (stage === "PENDING") return [{ type: "audit", taskId, request }, free("audit")];
  if (task.status.retryAt !== undefined && task.wakeAt !== undefined) {
    play.world.nowMs = Date.parse(task.wakeAt);
    return [{ type: "wake", taskId }];
  }
  if (stage === "SCHEDULING") {
    return play.world.held.size < play.world.slots ? [{ type: "taskTurn", taskId }] : undefined;
  }
  if (reported) return [{ type: "confirm", taskId, request }, free("confirm")];
  if (workGoneAt) {
    play.world.nowMs += play.world.statusGraceMs;
    return [{ type: "wake", taskId }];
  }
  if (stopping && round % 2 === 0) return [{ type: "stopped", taskId, attempt }];
  const end = stopping ? "CANCELED" : round % 3 === 0 ? "FAILED" : "SUCCEEDED";
  return [{ type: "report", report: { taskId, attempt, stage: end, at: play.world.now } }];
}
