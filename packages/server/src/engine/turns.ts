// Gives those who wait their turn, and knows why they wait. Pauses of pipelines and of the server, and the limits of
// admins, are its own; all else that it knows follows from the rows of runs and tasks.

import { groupKey, pipelineGate, SERVER_GATE, SLOTS } from "@mflow/core/admission-keys";
import type { Change } from "@mflow/core/change";
import { MflowError } from "@mflow/core/errors";
import { isId } from "@mflow/core/ids";
import type { HistoryEvent, NewHistoryEvent } from "@mflow/core/schema/event";
import type { Pause, PauseRequest } from "@mflow/core/schema/pause";
import type { Scope } from "@mflow/core/schema/scalars";
import { type WaitFacts, waitKindOf, waitSentence } from "@mflow/core/wait-sentence";
import type { Store } from "../store/store.ts";
import { Admission } from "./admission.ts";
import type { Actor } from "./submit.ts";

/** A turn that could not be committed is given again after this. */
const RETRY_MS = 1_000;

export interface TurnsParts {
  store: Pick<Store, "history" | "limits" | "pauses" | "runs">;
  /** Tasks under way at once on this server. */
  maxTasks: number;
  /** RFC 3339. */
  now(): string;
  /** Resolves once the change is committed, rejects when it is not. */
  submit(aggregateId: string, change: Exclude<Change, { type: "runPipeline" }>): Promise<void>;
  after(ms: number, callback: () => void): void;
  tell(event: HistoryEvent): void;
  warn(message: string, error: unknown): void;
}

/** How long after somebody was parked it is looked for those who wait for each other in a circle. */
const CIRCLE_MS = 1_000;

/** What can be paused besides a run. */
export type Pausable = "server" | (Scope & { pipeline: string });

/** Domain and namespace of what is said of the whole server. */
const EVERYWHERE: Scope = { domain: "*", namespace: "*" };

export class Turns {
  readonly admission = new Admission();
  readonly #parts: TurnsParts;
  readonly #pauses = new Map<string, Pause>();
  #isLookDue = false;
  /** The last pause or resume under way: each finds what the ones before it left. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(parts: TurnsParts) {
    this.#parts = parts;
    this.admission.setLimit(SLOTS, parts.maxTasks);
  }

  /** Reads what admins allow and what is paused. Before anything is noted. */
  async load(): Promise<void> {
    const { limits, pauses } = this.#parts.store;
    for (const { name, spec } of await limits.list()) this.admission.setLimit(name, spec.maxTasks);
    for (const pause of await pauses.list()) this.#close(pause);
  }

  /** Lets everybody go on who can. */
  give(): void {
    for (const { id, aggregateId } of this.admission.grant()) {
      const isRun = isId("run", id);
      const change = isRun ? ({ type: "runTurn" } as const) : ({ type: "taskTurn", taskId: id } as const);
      this.#parts.submit(aggregateId, change).catch((error: unknown) => {
        this.admission.answered(id);
        if (error instanceof MflowError && error.code === "NOT_FOUND") return;
        this.#parts.warn(`could not give ${id} its turn`, error);
        this.#parts.after(RETRY_MS, () => this.give());
      });
    }
    if (this.admission.mayCircle) this.#lookForCircles();
  }

  /** Soon, and for all who came meanwhile at once: what it costs grows with all that is under way. */
  #lookForCircles(): void {
    if (this.#isLookDue) return;
    this.#isLookDue = true;
    this.#parts.after(CIRCLE_MS, () => {
      this.#isLookDue = false;
      const found = this.admission.findCircle();
      // Somebody may go who was kept by one that insisted.
      this.give();
      if (!found) return;
      const { id, aggregateId } = found;
      const change = isId("run", id)
        ? ({ type: "giveUp" } as const)
        : ({ type: "giveUp", taskId: id } as const);
      this.#parts
        .submit(aggregateId, change)
        .catch((error: unknown) => this.#parts.warn(`could not end the endless wait of ${id}`, error))
        // There may be another circle.
        .finally(() => this.#lookForCircles());
    });
  }

  /** What admins allow changes at once; undefined: no limit. */
  setLimit(name: string, maxTasks: number | undefined): void {
    this.admission.setLimit(name, maxTasks);
    this.give();
  }

  /** Paused again: nothing changes, the first one stands. Answers with what stands. */
  pause(what: Pausable, request: PauseRequest, actor: Actor): Promise<Pause> {
    return this.#inOrder(() => this.#pause(what, request, actor));
  }

  async #pause(what: Pausable, { message }: PauseRequest, { name: by }: Actor): Promise<Pause> {
    const key = keyOf(what);
    const known = this.#pauses.get(key);
    if (known) return known;
    const pause: Pause = { key, by, at: this.#parts.now(), ...(message ? { message } : {}) };
    this.#close(pause);
    try {
      const events = await this.#parts.store.pauses.put(pause, [eventOf(what, "PAUSED", pause)]);
      for (const event of events) this.#parts.tell(event);
    } catch (error) {
      this.#open(key);
      throw error;
    }
    return pause;
  }

  /** Whether it was paused. */
  resume(what: Pausable, actor: Actor): Promise<boolean> {
    return this.#inOrder(() => this.#resume(what, actor));
  }

  async #resume(what: Pausable, { name: by }: Actor): Promise<boolean> {
    const key = keyOf(what);
    if (!this.#pauses.has(key)) return false;
    const event = eventOf(what, "RESUMED", { by, at: this.#parts.now() });
    for (const each of await this.#parts.store.pauses.remove(key, [event])) this.#parts.tell(each);
    this.#open(key);
    return true;
  }

  #inOrder<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last.then(work);
    this.#last = done.catch(() => undefined);
    return done;
  }

  /** What is paused now, by key. */
  pauseOf(what: Pausable): Pause | undefined {
    return this.#pauses.get(keyOf(what));
  }

  /** Tells all that is older in the group of a run, or of a task, to give way. */
  async giveWay(aggregateId: string, id: string): Promise<void> {
    const { runs } = this.#parts.store;
    const row = (await runs.run(id)) ?? (await runs.task(id));
    const newer = await this.#recordOf(aggregateId);
    if (row?.group === undefined || !newer) return;
    const { group } = row;
    const { holding, waiting } = this.admission.around(groupKey(row, group));
    const waiters = await this.#waitersFor(aggregateId);
    for (const other of [...waiting, ...holding]) {
      const owner = other.startsWith("run-") ? other : await runs.aggregateOf(other);
      if (owner === undefined || owner === aggregateId || waiters.has(owner)) continue;
      const older = await this.#recordOf(owner);
      if (!older || !(await this.#cameBefore(older, newer))) continue;
      const taskId = owner === other ? {} : { taskId: other };
      await this.#parts.submit(owner, { type: "giveWay", ...taskId, to: aggregateId, group });
    }
  }

  #recordOf(aggregateId: string): Promise<Dated | undefined> {
    const { runs } = this.#parts.store;
    return isId("run", aggregateId) ? runs.run(aggregateId) : runs.task(aggregateId);
  }

  /** Of two of one millisecond the events tell. Ids do not: a run that another one starts has its id before it comes. */
  async #cameBefore(one: Dated, other: Dated): Promise<boolean> {
    if (one.createdAt !== other.createdAt) return one.createdAt < other.createdAt;
    return (await this.#firstPlaceOf(one.id)) < (await this.#firstPlaceOf(other.id));
  }

  async #firstPlaceOf(aggregateId: string): Promise<number> {
    const query = { after: 0, limit: 1, pipelineTaskId: aggregateId };
    const [first] = await this.#parts.store.history.list(query);
    return first?.seq ?? 0;
  }

  /** The runs that wait for the end of this one, since a task of theirs runs it: they give way to nothing of their own. */
  async #waitersFor(runId: string): Promise<Set<string>> {
    const { runs } = this.#parts.store;
    const waiters = new Set<string>();
    for (let run = await runs.run(runId); run?.parent; ) {
      const above = await runs.aggregateOf(run.parent.taskId);
      if (above === undefined || waiters.has(above)) break;
      waiters.add(above);
      run = await runs.run(above);
    }
    return waiters;
  }

  /** What keeps a run or task waiting; undefined when it does not wait for its turn. */
  waitOf(id: string): WaitFacts | undefined {
    const wait = this.admission.waitOf(id);
    return wait && { kind: waitKindOf(wait), ...wait };
  }

  /** The same as a sentence. */
  sentence(id: string): string | undefined {
    const wait = this.admission.waitOf(id);
    return wait && waitSentence(wait);
  }

  get counts(): { held: number; waiting: number } {
    return this.admission.countsOf(SLOTS);
  }

  #open(key: string): void {
    this.#pauses.delete(key);
    this.admission.open(key);
    this.give();
  }

  #close(pause: Pause): void {
    this.#pauses.set(pause.key, pause);
    this.admission.close(pause.key, pause);
  }
}

/** A run or lone task, by when it came. */
interface Dated {
  id: string;
  createdAt: string;
}

function keyOf(what: Pausable): string {
  return what === "server" ? SERVER_GATE : pipelineGate(what, what.pipeline);
}

function eventOf(
  what: Pausable,
  verb: "PAUSED" | "RESUMED",
  { by, at, message }: { by: string; at: string; message?: string },
): NewHistoryEvent {
  const told = { at, actor: by, ...(message === undefined ? {} : { message }) };
  if (what === "server") return { type: `SERVER_${verb}`, ...EVERYWHERE, ...told };
  const { domain, namespace, pipeline } = what;
  return { type: `PIPELINE_${verb}`, domain, namespace, name: pipeline, ...told };
}
