// The mailbox and the group commit. Changes queue here; those that wait at the same moment are decided, run by
// run in order, and committed together. A commit whose guard fails is decided again on fresh rows, the others
// stand. Nothing is answered, told to subscribers or acted on before its commit.

import type { Change, Context } from "@mflow/core/change";
import { decide, decideNew } from "@mflow/core/decide";
import { MflowError } from "@mflow/core/errors";
import type { HistoryEvent } from "@mflow/core/schema/event";
import {
  applyDecision,
  type Decision,
  isOver,
  type Outcome,
  type RunState,
  revisionOf,
} from "@mflow/core/state";
import type {
  CommitResult,
  Effect,
  IdempotencyKey,
  Lease,
  Outbox,
  RunCommit,
  RunStore,
} from "../store/store.ts";
import type { Admission } from "./admission.ts";
import { addToCommit, answer, byAggregate, type CommitParts, type Entry, type Work } from "./group-work.ts";
import { IdempotencyRace } from "./idempotency.ts";
import { type Memory, stateOf } from "./memory.ts";
import { forgetState, noteRun, noteState, noteTask } from "./standings.ts";
import type { Actor } from "./submit.ts";

export interface CommitterParts extends CommitParts {
  runs: RunStore;
  outbox: Outbox;
  memory: Memory;
  admission: Admission;
  makeContext(actor: Actor | undefined): Context;
  lease(): Lease;
  /** What this run or lone task holds and waits for is not counted until a change of it is submitted. */
  uncounted(aggregateId: string): void;
  /** Called after each commit, for each aggregate that it changed. */
  committed(state: RunState, commit: RunCommit, events: HistoryEvent[], effects: Effect[]): void;
}

/** Changes decided in one go; more wait for the next commit. */
const MAX_GROUP = 512;
/** How long a done effect waits for a commit to be written with; repeating it would do no harm. */
const FLUSH_MS = 50;
/** Guards may fail again while another server works on the same run; then the caller is told to try later. */
const MAX_TRIES = 20;

export class Committer {
  readonly #parts: CommitterParts;
  #queue: Entry[] = [];
  #doneEffects: string[] = [];
  /** What the group under way has changed so far, by aggregate. */
  #decided = new Map<string, RunState>();
  /** Those whose rows could not be read when what was decided on them was dropped. */
  readonly #uncounted = new Set<string>();
  #isPumping = false;
  #flush: NodeJS.Timeout | undefined;
  /** The last try to write done effects alone was refused by the store. */
  #isFlushRefused = false;
  #idle: (() => void)[] = [];

  constructor(parts: CommitterParts) {
    this.#parts = parts;
  }

  /** Decides and commits a change of an existing run or lone task; resolves with the state after it. */
  submit(
    aggregateId: string,
    change: NonNullable<Entry["change"]>,
    actor?: Actor,
    idempotency?: IdempotencyKey,
  ): Promise<RunState> {
    return this.#enqueue({ aggregateId, change, actor, idempotency });
  }

  /** Commits a new run or lone task. `create` throws the refusal. */
  create(
    aggregateId: string,
    create: () => RunState,
    actor: Actor,
    idempotency?: IdempotencyKey,
  ): Promise<RunState> {
    return this.#enqueue({ aggregateId, create, actor, idempotency });
  }

  #enqueue(entry: Omit<Entry, "tries" | "resolve" | "reject">): Promise<RunState> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ ...entry, tries: 0, resolve, reject });
      this.#wake();
    });
  }

  /** Marks an effect as done with; written with the next commit, or by itself when none comes soon. */
  effectDone(id: string): void {
    this.#doneEffects.push(id);
    if (this.#isPumping || this.#flush) return;
    this.#flush = setTimeout(() => {
      this.#flush = undefined;
      this.#wake();
    }, FLUSH_MS);
  }

  /** Writes what waits; resolves when nothing does, or the store refuses to note what is done. */
  drain(): Promise<void> {
    if (this.#doneEffects.length > 0) this.#wake();
    if (!this.#isPumping) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  /** Whether a drain has something to do. Nobody waits for done effects that the store refused: repeating them is no harm. */
  get isBusy(): boolean {
    return this.#isPumping || (this.#doneEffects.length > 0 && !this.#isFlushRefused);
  }

  #wake(): void {
    if (this.#isPumping) return;
    clearTimeout(this.#flush);
    this.#flush = undefined;
    this.#isPumping = true;
    setImmediate(() => void this.#pump());
  }

  async #pump(): Promise<void> {
    while (this.#queue.length > 0 || this.#doneEffects.length > 0) {
      const entries = this.#queue.splice(0, MAX_GROUP);
      const doneEffects = this.#doneEffects.splice(0);
      try {
        await this.#commitGroup(entries, doneEffects);
        this.#isFlushRefused = false;
      } catch (error) {
        this.#doneEffects.unshift(...doneEffects);
        await this.#recover(entries, error);
        if (entries.length === 0) {
          this.#isFlushRefused = true;
          if (this.#queue.length === 0) break;
        }
      }
      // Lets what the commit woke up join the next group.
      await new Promise((resolve) => setImmediate(resolve));
    }
    this.#isPumping = false;
    for (const resolve of this.#idle.splice(0)) resolve();
  }

  /**
   * Nothing of the group was written. A store that takes nothing at all is the answer to everybody; any other failure
   * comes from one run's rows, and must not fail the others: each is committed alone.
   */
  async #recover(entries: Entry[], error: unknown): Promise<void> {
    const groups = byAggregate(entries);
    const decided = this.#decided;
    for (const id of groups.keys()) await this.#forget(id, decided.get(id));
    if (groups.size === 1 || isStoreClosed(error)) {
      for (const entry of entries) this.#reject(entry, error);
      return;
    }
    for (const [id, group] of groups) {
      try {
        await this.#commitGroup(group, []);
      } catch (own) {
        await this.#forget(id, this.#decided.get(id));
        for (const entry of group) this.#reject(entry, own);
      }
    }
  }

  async #commitGroup(entries: Entry[], doneEffects: string[]): Promise<void> {
    const works: Work[] = [];
    this.#decided = new Map();
    for (const [aggregateId, group] of byAggregate(entries)) {
      const work = await this.#decideAll(aggregateId, group);
      if (work) works.push(work);
    }
    const writing = works.filter((work) => work.commit !== undefined);
    const commits = writing.map((work) => work.commit as RunCommit);
    const [first] = commits;
    if (first) first.doneEffects.push(...doneEffects);
    else if (doneEffects.length > 0) await this.#parts.outbox.done(doneEffects);
    const results = first ? await this.#parts.runs.commit(commits, this.#parts.lease()) : [];
    if (results[0] && !results[0].ok) this.#doneEffects.push(...doneEffects);
    for (const [index, work] of writing.entries()) await this.#settle(work, results[index] as CommitResult);
    for (const work of works) if (work.commit === undefined) answer(work);
  }

  /** Decides the waiting changes of one run in order, each on the outcome of the one before. */
  async #decideAll(aggregateId: string, entries: Entry[]): Promise<Work | undefined> {
    const work: Work = { aggregateId, answers: [], rows: new Map(), expectedRevision: 0, entries };
    let state = await this.#find(aggregateId);
    work.expectedRevision = state ? revisionOf(state) : 0;
    for (const [index, entry] of entries.entries()) {
      if (entry.idempotency && work.commit?.idempotency) {
        // A commit keeps one key: what brings another one is decided after it.
        work.entries = entries.slice(0, index);
        work.later = entries.slice(index);
        break;
      }
      try {
        if (entry.create && !state) {
          // At once, so that nobody else is given what it was found to be free to take.
          const created = entry.create();
          const outcome = decideNew(created, this.#parts.makeContext(entry.actor));
          if ("rejection" in outcome) throw outcome.rejection;
          state = created;
          this.#accept(work, state, outcome, entry);
        } else if (!state) {
          throw new MflowError("NOT_FOUND", `there is no run or task ${aggregateId}`);
        } else if (entry.change) {
          const outcome: Outcome = decide(state, entry.change, this.#parts.makeContext(entry.actor));
          if ("rejection" in outcome) throw outcome.rejection;
          this.#accept(work, state, outcome, entry);
          this.#answerTurn(aggregateId, entry.change);
        } else {
          throw new MflowError("CONFLICT", `${aggregateId} exists already`);
        }
        const now = state;
        work.answers.push(() => entry.resolve(now));
      } catch (error) {
        work.answers.push(() => this.#reject(entry, error));
      }
    }
    work.state = state;
    return work;
  }

  /** Whoever had their turn and did not use it is back in line. */
  #answerTurn(aggregateId: string, change: Change): void {
    if (change.type === "runTurn") this.#parts.admission.answered(aggregateId);
    if (change.type === "taskTurn") this.#parts.admission.answered(change.taskId);
  }

  async #find(aggregateId: string): Promise<RunState | undefined> {
    const known = this.#parts.memory.get(aggregateId);
    if (known) return known;
    const loaded = await this.#parts.runs.load(aggregateId);
    if (!loaded) return undefined;
    const state = stateOf(loaded);
    this.#parts.memory.put(state);
    if (this.#uncounted.delete(aggregateId)) noteState(this.#parts.admission, state);
    return state;
  }

  #accept(work: Work, state: RunState, decision: Decision, entry: Entry): void {
    if (decision.definition) this.#parts.memory.put(state);
    this.#decided.set(state.id, state);
    applyDecision(state, decision);
    const { admission } = this.#parts;
    if (decision.run) noteRun(admission, decision.run);
    for (const task of decision.tasks) {
      work.rows.set(task.id, task);
      noteTask(admission, state, task);
    }
    const isNothing = decision.tasks.length === 0 && decision.history.length === 0 && !decision.run;
    if (isNothing) return;
    const commit = addToCommit(work, decision, this.#parts);
    if (entry.idempotency) commit.idempotency = entry.idempotency;
  }

  async #settle(work: Work, result: CommitResult): Promise<void> {
    const { commit, state, later = [] } = work;
    if (!commit || !state) return;
    this.#queue.unshift(...later);
    if (result.ok) {
      const now = Date.now();
      const effects = commit.effects.map((effect) => ({ ...effect, tries: 0, dueAt: now }));
      // Of a run in line its row is enough, and there may be very many.
      if (isOver(state) || state.run?.status.stage === "PENDING") this.#parts.memory.drop(state.id);
      this.#parts.committed(state, commit, result.events, effects);
      answer(work);
      return;
    }
    await this.#forget(work.aggregateId, state);
    let entries = work.entries;
    if (result.conflict === "REMOVED") {
      const text = `${work.aggregateId} was deleted, and its messages are not all sent yet; give another id, or wait until they are`;
      for (const entry of entries) this.#reject(entry, new MflowError("CONFLICT", text));
      return;
    }
    if (result.conflict === "IDEMPOTENCY") {
      const { key } = commit.idempotency ?? {};
      const race = new IdempotencyRace(result.aggregateId, result.digest);
      for (const entry of entries) if (entry.idempotency?.key === key) entry.reject(race);
      entries = entries.filter((entry) => entry.idempotency?.key !== key);
    }
    for (const entry of entries.reverse()) {
      entry.tries++;
      if (entry.tries < MAX_TRIES) this.#queue.unshift(entry);
      else this.#reject(entry, new MflowError("CONFLICT", `${entry.aggregateId} is being changed by others`));
    }
  }

  /** Drops what was decided but not written, also when memory has; who holds what is counted again from the rows. */
  async #forget(aggregateId: string, lost: RunState | undefined): Promise<void> {
    const { memory, runs, admission } = this.#parts;
    memory.drop(aggregateId);
    const stored = await runs.load(aggregateId).catch(() => "UNREADABLE" as const);
    if (lost) forgetState(admission, lost);
    if (stored === "UNREADABLE") {
      this.#uncounted.add(aggregateId);
      this.#parts.uncounted(aggregateId);
    } else if (stored) noteState(admission, stateOf(stored));
  }

  #reject(entry: Entry, error: unknown): void {
    if (entry.change) this.#answerTurn(entry.aggregateId, entry.change);
    entry.reject(error);
  }
}

/** Whether the store takes no commit at all now. */
function isStoreClosed(error: unknown): boolean {
  const codes: readonly string[] = ["STORE_FULL", "STORE_BUSY", "UNAVAILABLE"];
  return error instanceof MflowError && codes.includes(error.code);
}
