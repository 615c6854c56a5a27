// Decisions that a rule of the gate forbids: nothing changes, and the decision record keeps that somebody tried. Links
// in messages decide once, also when two use one in the same moment.

import type { Change } from "@mflow/core/change";
import { recordPlace } from "@mflow/core/decide/gate-records";
import { type ErrorCode, MflowError } from "@mflow/core/errors";
import type { GateKind } from "@mflow/core/gate";
import type { NewDecisionRecord } from "@mflow/core/schema/decision-record";
import type { JobTask } from "@mflow/core/schema/job-task";
import { withMaskedComment } from "@mflow/core/task-secrets";
import type { DecisionRecordStore, RunStore } from "../store/store.ts";
import { RefusalLimit } from "./refusal-limit.ts";
import type { Actor } from "./submit.ts";

/** A change by which a person decides a gate, or takes that back. */
export type GateChange = Extract<Change, { type: "audit" | "confirm" | "withdraw" }>;

/** The rules of gates; what else is refused, such as an unknown task, says nothing of a decision. */
const GATE_RULES: ReadonlySet<ErrorCode> = new Set([
  "NOT_LISTED",
  "SELF_DECISION",
  "ALREADY_DECIDED",
  "CONTENT_CHANGED",
  "COMMENT_REQUIRED",
  "GATE_NOT_OPEN",
  "WITHDRAW_REFUSED",
  "PUSH_BACK_REFUSED",
  "LINK_USED",
]);

/** Whether a change is a decision of a person, whose refusal is kept. */
export function isGateChange(change: Change): change is GateChange {
  return change.type === "audit" || change.type === "confirm" || change.type === "withdraw";
}

/** Whether the error is the refusal of a decision. */
function isRefusal(error: unknown): error is MflowError {
  return error instanceof MflowError && GATE_RULES.has(error.code);
}

export const LINK_USED_MESSAGE = "this link or card was used for a decision before; each serves once";

/** Rows a minute for one person's refused decisions on one gate. */
const ROWS_PER_MINUTE = 20;

export interface RefusalParts {
  records: DecisionRecordStore;
  runs: Pick<RunStore, "task" | "definition">;
  /** Opens the secrets that a comment must not tell. */
  keys: Parameters<typeof withMaskedComment>[2];
  /** Milliseconds since the epoch. */
  now(): number;
  warn(message: string, error?: unknown): void;
}

export class Refusals {
  readonly #parts: RefusalParts;
  readonly #limit = new RefusalLimit(ROWS_PER_MINUTE);
  /** Links by which somebody decides now, each with what ends when they have. */
  readonly #deciding = new Map<string, Promise<unknown>>();

  constructor(parts: RefusalParts) {
    this.#parts = parts;
  }

  /** Lets a person decide; a decision that is refused joins the decision record before they are told. */
  async guard<T>(change: GateChange, actor: Actor, decide: () => Promise<T>): Promise<T> {
    const link = actor.source?.link;
    try {
      return await (link === undefined ? decide() : this.#once(link, decide));
    } catch (error) {
      if (isRefusal(error)) await this.#record(change, actor, error);
      throw error;
    }
  }

  /** Whether a link is used says the record, which a decision joins when it is committed: the next waits for that. */
  async #once<T>(link: string, decide: () => Promise<T>): Promise<T> {
    const before = this.#deciding.get(link) ?? Promise.resolve();
    const deciding = before.then(async () => {
      if (!(await this.#parts.records.isLinkUsed(link))) return decide();
      throw new MflowError("LINK_USED", LINK_USED_MESSAGE);
    });
    const ended = deciding.catch(() => undefined);
    this.#deciding.set(link, ended);
    try {
      return await deciding;
    } finally {
      if (this.#deciding.get(link) === ended) this.#deciding.delete(link);
    }
  }

  async #record(change: GateChange, actor: Actor, refusal: MflowError): Promise<void> {
    const { records, runs, keys, now, warn } = this.#parts;
    const gate = `${gateOf(change)} of ${change.taskId}`;
    const mayJoin = this.#limit.take(`${actor.name} ${gate}`, now(), {
      began: () => warn(`${actor.name} is refused again and again on the ${gate}; the rest is counted`),
      ended: (count) => warn(`${count} more refusals of ${actor.name} on the ${gate} were not recorded`),
    });
    if (!mayJoin) return;
    try {
      const task = await runs.task(change.taskId);
      if (!task) return;
      const definition = task.params ? undefined : await runs.definition(task.pipelineTaskId ?? task.id);
      const request = withMaskedComment(change.request, task, keys, definition);
      const at = new Date(now()).toISOString();
      await records.append([refusalRecord({ ...change, request } as GateChange, task, actor, refusal, at)]);
    } catch (error) {
      // The refusal stands, whether or not the disk has room for it.
      warn(`could not record the refusal ${refusal.code} of ${actor.name}`, error);
    }
  }
}

function gateOf(change: GateChange): GateKind {
  return change.type === "withdraw" ? change.gate : change.type;
}

/** The row that keeps a refused decision on the task as it is. */
function refusalRecord(
  change: GateChange,
  task: JobTask,
  actor: Actor,
  error: MflowError,
  at: string,
): NewDecisionRecord {
  const kind = gateOf(change);
  const { comment } = change.request;
  const record: NewDecisionRecord = {
    at,
    ...recordPlace(task, kind),
    act: "REFUSE",
    user: actor.name,
    rule: error.message,
    code: error.code,
  };
  if (change.type !== "withdraw") record.verdict = change.request.verdict;
  if (comment) record.comment = comment;
  const digest = task[kind]?.digest;
  if (digest !== undefined) record.digest = digest;
  if (actor.source) record.source = actor.source;
  return record;
}
