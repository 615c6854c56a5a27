// Plays a run or a lone task in memory: changes go in, decisions are kept, rows are applied as the engine would.
// Whatever a decision was made on is frozen while it is made, so that a write to it fails the test.

import type { Actor, Change, Report } from "../change.ts";
import { createState, decide, decideNew } from "../decide.ts";
import { MflowError } from "../errors.ts";
import type { NewHistoryEvent } from "../schema/event.ts";
import type { JobTask } from "../schema/job-task.ts";
import type { PipelineTask } from "../schema/pipeline-task.ts";
import type { UpdateStatusRequest } from "../schema/request.ts";
import { DEFAULT_SCOPE } from "../schema/scalars.ts";
import { applyDecision, type Decision, makeState, type Outcome, type RunState } from "../state.ts";
import { tokenOf, type World } from "./world.ts";

type Creation = Extract<Change, { type: "runPipeline" | "runJob" }>;
type LaterChange = Exclude<Change, { type: "runPipeline" }>;

/** A user who started runs in tests unless told otherwise. */
export const STARTER: Actor = { name: "starter", operator: false };
export const OPERATOR: Actor = { name: "op", operator: true };

export class Play {
  readonly world: World;
  state: RunState;
  readonly decisions: Decision[] = [];

  constructor(world: World, creation: Creation, actor: Actor = STARTER) {
    this.world = world;
    this.state = createState(creation, world.context(actor));
    freezeState(this.state);
    const outcome = withoutWrites(this.state, () => decideNew(this.state, world.context(actor)));
    this.#accept(accepted(outcome));
  }

  get run(): PipelineTask {
    if (!this.state.run) throw new Error("a lone task has no run");
    return this.state.run;
  }

  /** The task of this name; without one, the only task. */
  task(name?: string): JobTask {
    for (const task of this.state.tasks.values()) if (name === undefined || task.name === name) return task;
    throw new Error(`there is no task ${name}`);
  }

  /** `name: STAGE` of all tasks in the pipeline's order. */
  get stages(): string[] {
    return [...this.state.tasks.values()].map((task) => `${task.name}: ${task.status.stage}`);
  }

  /** Goes on as a server does that starts anew: with what the rows tell. */
  restart(): void {
    const { id, run, definition, tasks } = this.state;
    this.state = makeState(id, run, definition, [...tasks.values()].reverse());
  }

  /** What the change would do; nothing is applied. */
  ask(change: LaterChange, actor?: Actor): Outcome {
    return withoutWrites(this.state, () =>
      decide(
        this.state,
        deepFreeze(change),
        this.world.context(actor, change.type === "taskTurn" || change.type === "runTurn"),
      ),
    );
  }

  /** Decides the change and applies it; throws the refusal. */
  submit(change: LaterChange, actor?: Actor): Decision {
    return this.#accept(accepted(this.ask(change, actor)));
  }

  report(name: string, stage: Report["stage"], more: Partial<Report> = {}): Decision {
    const task = this.task(name);
    const report = { taskId: task.id, attempt: task.attempt, stage, at: this.world.now, ...more };
    return this.submit({ type: "report", report });
  }

  /** A status call with the token of the task's present attempt, unless `request` or `actor` says otherwise. */
  status(
    name: string,
    stage: UpdateStatusRequest["stage"],
    request: Partial<UpdateStatusRequest> = {},
    actor?: Actor,
  ): Decision {
    const task = this.task(name);
    const token = actor ? {} : { updateToken: tokenOf(task.id, task.attempt) };
    return this.submit(
      { type: "updateStatus", taskId: task.id, request: { ...token, stage, ...request } },
      actor,
    );
  }

  output(name: string, runtimeEnvs: Record<string, string>, markdownOutput?: string): Decision {
    const task = this.task(name);
    const request = {
      updateToken: tokenOf(task.id, task.attempt),
      runtimeEnvs,
      ...(markdownOutput !== undefined ? { markdownOutput } : {}),
    };
    return this.submit({ type: "updateOutput", taskId: task.id, request });
  }

  audit(name: string, verdict: "PASS" | "DENY", user: string, comment?: string): Decision {
    const request = { verdict, ...(comment !== undefined ? { comment } : {}) };
    return this.submit({ type: "audit", taskId: this.task(name).id, request }, person(user));
  }

  confirm(name: string, verdict: "PASS" | "DENY", user: string, comment?: string): Decision {
    const request = { verdict, ...(comment !== undefined ? { comment } : {}) };
    return this.submit({ type: "confirm", taskId: this.task(name).id, request }, person(user));
  }

  /** Takes the user's own pass back. */
  withdraw(gate: "audit" | "confirm", name: string, user: string, comment?: string): Decision {
    const request = comment !== undefined ? { comment } : {};
    return this.submit({ type: "withdraw", gate, taskId: this.task(name).id, request }, person(user));
  }

  /** Pushes the result of a task back to a task, itself unless named. */
  pushBack(name: string, pushBackTo: string = name, user = "ann", comment = "once more"): Decision {
    const request = { verdict: "PUSH_BACK" as const, pushBackTo, comment };
    return this.submit({ type: "confirm", taskId: this.task(name).id, request }, person(user));
  }

  cancel(name: string, message?: string): Decision {
    const request = message !== undefined ? { message } : {};
    return this.submit({ type: "cancelTask", taskId: this.task(name).id, request }, STARTER);
  }

  cancelRun(message?: string): Decision {
    return this.submit({ type: "cancelRun", request: message !== undefined ? { message } : {} }, STARTER);
  }

  rerun(actor: Actor = STARTER): Decision {
    const request = { id: this.task().id };
    return this.submit({ type: "runJob", request, scope: DEFAULT_SCOPE }, actor);
  }

  taskTurn(name: string): Decision {
    return this.submit({ type: "taskTurn", taskId: this.task(name).id });
  }

  /** It is the run's turn. */
  turn(): Decision {
    return this.submit({ type: "runTurn" });
  }

  /** Lets time pass until the task's alarm rings. */
  wake(name: string): Decision {
    const { id, wakeAt } = this.task(name);
    if (wakeAt === undefined) throw new Error(`${name} has no alarm`);
    this.world.nowMs = Math.max(this.world.nowMs, Date.parse(wakeAt));
    return this.submit({ type: "wake", taskId: id });
  }

  startFailed(name: string, message: string): Decision {
    const { id, attempt } = this.task(name);
    return this.submit({ type: "startFailed", taskId: id, attempt, message });
  }

  stopped(name: string): Decision {
    const { id, attempt } = this.task(name);
    return this.submit({ type: "stopped", taskId: id, attempt });
  }

  /** The history of a decision, or of all, one line each: `a: PENDING -> CREATING`, `run: ACTIVE -> FAILED [WHY]`. */
  lines(decision?: Decision): string[] {
    const events = decision ? decision.history : this.decisions.flatMap((each) => each.history);
    return events.map(lineOf);
  }

  /** The effects of a decision, or of all: `START a 1` with the attempt. */
  effects(decision?: Decision): string[] {
    const effects = decision ? decision.effects : this.decisions.flatMap((each) => each.effects);
    return effects.map(({ kind, taskId, attempt }) => {
      const name = this.state.tasks.get(taskId)?.name ?? "run";
      return kind === "RELEASE" ? `RELEASE ${name}` : `${kind} ${name} ${attempt}`;
    });
  }

  #accept(decision: Decision): Decision {
    for (const row of [decision.run, ...decision.tasks]) if (row) deepFreeze(row);
    this.world.commit(decision);
    applyDecision(this.state, decision);
    this.decisions.push(decision);
    return decision;
  }
}

/** `CODE: message` of a refusal. */
export function refusal(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (error instanceof MflowError) return `${error.code}: ${error.message}`;
    throw error;
  }
  throw new Error("it was not refused");
}

/** Freezes everything within, and answers it. */
function deepFreeze<T>(value: T): T {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  Object.freeze(value);
  for (const member of Object.values(value)) deepFreeze(member);
  return value;
}

export function person(name: string): Actor {
  return { name, operator: false };
}

function accepted(outcome: Outcome): Decision {
  if ("rejection" in outcome) throw outcome.rejection;
  return outcome;
}

function freezeState(state: RunState): void {
  deepFreeze(state.definition);
  deepFreeze(state.run);
  for (const task of state.tasks.values()) deepFreeze(task);
}

/** Maps cannot be frozen; a write to those of the state throws while `work` runs. */
function withoutWrites<T>(state: RunState, work: () => T): T {
  const maps: object[] = [state.tasks, state.exported];
  const value = () => {
    throw new Error("a decision wrote to the state it was made on");
  };
  const verbs = ["set", "delete", "clear"];
  for (const map of maps) {
    for (const verb of verbs) Object.defineProperty(map, verb, { value, configurable: true });
  }
  try {
    return work();
  } finally {
    for (const map of maps) for (const verb of verbs) Reflect.deleteProperty(map, verb);
  }
}

function lineOf(event: NewHistoryEvent): string {
  const who = event.taskId === undefined ? "run" : event.name;
  const isMove = event.type === "TASK_STAGE" || event.type === "RUN_STAGE";
  const what = isMove
    ? [event.from, event.stage].filter((stage) => stage !== undefined).join(" -> ")
    : [event.type, event.stage].filter((part) => part !== undefined).join(" ");
  return `${who}: ${what}${event.reason !== undefined ? ` [${event.reason}]` : ""}`;
}
