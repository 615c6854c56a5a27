// Lets ended runs and lone tasks go by the rules of their pipelines, else of the server. It looks at a pipeline soon
// after one of its runs ended, and at all of them from time to time, for what has become too old. What goes, goes a few
// at a time through the engine, and others commit in between; what a crash interrupts is found again.
//
// The rule of a run is that of its stored pipeline as it is now; of a pipeline that is not stored, that which its newest
// run brought along. Nothing here grows with the number of runs that are kept.

import { setImmediate as turn } from "node:timers/promises";
import { MflowError } from "@mflow/core/errors";
import { putTogetherFrom, sourceOf } from "@mflow/core/extend-pipeline";
import { type EndedRun, type LetGo, letGo, retentionClasses } from "@mflow/core/retention";
import type { HistoryEvent } from "@mflow/core/schema/event";
import type { PipelineSpec } from "@mflow/core/schema/pipeline";
import type {
  CleanupRequest,
  CleanupResult,
  Retention as Rule,
  SurplusRun,
} from "@mflow/core/schema/retention";
import type { Clock } from "../engine/clock.ts";
import type { Actor, Engine } from "../engine/submit.ts";
import type { EndedGroup, EndedGroupKey, Store } from "../store/store.ts";
import { neededRuns } from "./needed.ts";
import { Rounds } from "./rounds.ts";

export interface RetentionParts {
  store: Store;
  engine: Pick<Engine, "remove" | "subscribe">;
  clock: Clock;
  /** The server's rule, for what has none of its own; an empty one keeps all. */
  defaults: Rule;
  log: { warn(message: string, error?: unknown): void };
  /** For tests; as in core else. */
  leastAgeMs?: number;
  timing?: { everyMs: number; soonMs: number };
}

/** All pipelines are looked at so often. */
const EVERY_MS = 5 * 60_000;
/** After the end of a run its pipeline is looked at so soon, together with the ends until then. */
const SOON_MS = 5_000;
/** Groups and runs that are read at once. */
const PORTION = 100;
/** Runs that are removed at once: they share a wait for the disk. */
const REMOVED_AT_ONCE = 8;
/** Runs that one answer names. */
const MAX_ANSWERED = 1000;

const ENDINGS = ["SUCCEEDED", "FAILED", "CANCELED", "SKIPPED"];

/** Answers of each whether it is gone. */
type Take = (group: EndedGroup, surplus: readonly LetGo[]) => Promise<boolean[]>;

export class Retention {
  readonly #parts: RetentionParts;
  readonly #rounds: Rounds;
  /** Pipelines whose runs ended since the last look, and lone tasks that did. */
  readonly #ended = new Map<string, EndedGroupKey | { taskId: string }>();
  #unsubscribe: (() => void) | undefined;

  constructor(parts: RetentionParts) {
    this.#parts = parts;
    this.#rounds = new Rounds({
      clock: parts.clock,
      everyMs: EVERY_MS,
      soonMs: SOON_MS,
      ...parts.timing,
      round: (signal, isWoken) => this.#round(signal, isWoken),
      failed: (error) => parts.log.warn("could not look for runs that are no longer kept", error),
    });
  }

  start(): void {
    this.#unsubscribe ??= this.#parts.engine.subscribe((event) => this.#note(event));
    this.#rounds.start();
  }

  async stop(): Promise<void> {
    this.#unsubscribe?.();
    this.#unsubscribe = undefined;
    await this.#rounds.stop();
  }

  /**
   * Deletes now what the rules let go, or says what that is: within a scope, of one pipeline or job, by another rule, as
   * the request says. At most a thousand at a time.
   */
  async cleanup(
    { pipeline, job, retention, dryRun }: CleanupRequest,
    scope: { domain?: string; namespace?: string },
    actor: Actor,
  ): Promise<CleanupResult> {
    const items: SurplusRun[] = [];
    const full = new AbortController();
    let hasMore = false;
    const take: Take = async (group, surplus) => {
      const some = surplus.slice(0, MAX_ANSWERED - items.length);
      if (some.length < surplus.length) {
        hasMore = true;
        full.abort();
      }
      const gone = dryRun ? some.map(() => true) : await this.#removeAll(some, actor);
      for (const [place, { run, because }] of some.entries())
        if (gone[place]) items.push(surplusRun(group, run, because));
      return surplus.map((_, place) => !dryRun && (gone[place] ?? false));
    };
    const isWanted = (group: EndedGroup) =>
      (scope.domain === undefined || group.domain === scope.domain) &&
      (scope.namespace === undefined || group.namespace === scope.namespace) &&
      ((pipeline === undefined && job === undefined) ||
        group.name === (group.kind === "RUN" ? pipeline : job));
    for await (const group of this.#groups(full.signal)) {
      if (isWanted(group)) await this.#clean(group, take, full.signal, retention);
    }
    return { items, hasMore };
  }

  #note({ type, stage, domain, namespace, name, pipelineTaskId, taskId }: HistoryEvent): void {
    if (stage === undefined || !ENDINGS.includes(stage)) return;
    if (type === "RUN_STAGE" && name !== undefined) {
      this.#ended.set(`${domain}/${namespace}/${name}`, { kind: "RUN", domain, namespace, name });
    } else if (type === "TASK_STAGE" && pipelineTaskId === undefined && taskId !== undefined) {
      this.#ended.set(taskId, { taskId });
    } else return;
    this.#rounds.wake();
  }

  async #round(signal: AbortSignal, isWoken: boolean): Promise<void> {
    const ended = [...this.#ended.values()];
    this.#ended.clear();
    const take: Take = (_group, surplus) => this.#removeAll(surplus);
    if (isWoken) {
      for (const group of await this.#groupsOf(ended)) await this.#clean(group, take, signal);
    } else {
      for await (const group of this.#groups(signal)) await this.#clean(group, take, signal);
    }
    while (!signal.aborted && (await this.#parts.store.space.giveBack())) await turn();
  }

  async #groupsOf(ended: readonly (EndedGroupKey | { taskId: string })[]): Promise<EndedGroup[]> {
    const { store } = this.#parts;
    const found = new Map<number, EndedGroup>();
    for (const one of ended) {
      const group = "kind" in one ? await store.ended.group(one) : await this.#groupOfTask(one.taskId);
      if (group) found.set(group.place, group);
    }
    return [...found.values()];
  }

  async #groupOfTask(taskId: string): Promise<EndedGroup | undefined> {
    const { store } = this.#parts;
    const task = await store.runs.task(taskId);
    if (!task) return undefined;
    const { domain, namespace, job } = task;
    return store.ended.group({ kind: "TASK", domain, namespace, name: job.name });
  }

  async *#groups(signal: AbortSignal): AsyncGenerator<EndedGroup> {
    for (let after = -1; !signal.aborted; await turn()) {
      const groups = await this.#parts.store.ended.groups(after, PORTION);
      for (const group of groups) {
        if (signal.aborted) return;
        yield group;
      }
      if (groups.length < PORTION) return;
      after = groups.at(-1)?.place ?? after;
    }
  }

  /** Takes what the rule of a group lets go; `instead`: another rule. */
  async #clean(group: EndedGroup, take: Take, signal: AbortSignal, instead?: Rule): Promise<void> {
    const { store, clock, defaults, leastAgeMs } = this.#parts;
    const spec = group.kind === "RUN" ? await this.#specOf(group) : undefined;
    let needed: Set<string> | undefined;
    for (const { endings, rule } of retentionClasses(instead ?? spec?.retention ?? defaults)) {
      let after: EndedRun | undefined;
      let kept = 0;
      while (!signal.aborted) {
        const current = await store.ended.group(group);
        if (!current) return;
        const oldest = await store.ended.oldest(current, endings, PORTION, after);
        const all =
          (endings.includes("SUCCEEDED") ? current.succeeded : 0) +
          (endings.includes("OTHER") ? current.other : 0);
        const surplus = letGo(oldest, rule, { count: all - kept, now: clock.now(), leastAgeMs });
        if (surplus.length > 0) needed ??= await neededRuns(store, current, spec);
        const free = surplus.filter(({ run }) => !needed?.has(run.id));
        kept += surplus.length - free.length;
        for (let from = 0; from < free.length; from += REMOVED_AT_ONCE) {
          if (signal.aborted) return;
          const gone = await take(current, free.slice(from, from + REMOVED_AT_ONCE));
          kept += gone.filter((isGone) => !isGone).length;
          await turn();
        }
        if (surplus.length < PORTION) break;
        after = oldest.at(-1);
      }
    }
  }

  /** The stored pipeline of runs with what it extends, else the one that their newest brought along. */
  async #specOf(group: EndedGroup): Promise<PipelineSpec | undefined> {
    const { catalog, ended, runs } = this.#parts.store;
    const stored = await catalog.findPipeline(group, group.name);
    const together =
      stored &&
      (await putTogetherFrom(sourceOf(stored), async (ref) => {
        const extended = await catalog.findPipeline(ref, ref.name);
        return extended && sourceOf(extended);
      }));
    if (together?.whole) return together.whole.spec;
    const newest = [await ended.newest(group, "SUCCEEDED"), await ended.newest(group, "OTHER")]
      .filter((run) => run !== undefined)
      .sort((a, b) => b.endedAt - a.endedAt)[0];
    return newest && (await runs.definition(newest.id))?.pipeline;
  }

  #removeAll(surplus: readonly LetGo[], actor?: Actor): Promise<boolean[]> {
    return Promise.all(surplus.map(({ run, because }) => this.#remove(run, because, actor)));
  }

  /** Whether it is gone now. */
  async #remove({ id }: EndedRun, because: string, actor?: Actor): Promise<boolean> {
    try {
      await this.#parts.engine.remove(id, actor, because);
      return true;
    } catch (error) {
      const code = error instanceof MflowError ? error.code : undefined;
      // Somebody else deleted it, or runs it again.
      if (code === "NOT_FOUND") return true;
      if (code === "CONFLICT") return false;
      // A store that takes nothing now, or a server that stops, takes no other either.
      if (code === "STORE_FULL" || code === "STORE_BUSY" || code === "UNAVAILABLE" || actor) throw error;
      this.#parts.log.warn(`could not delete ${id}, which is no longer kept; it is tried again`, error);
      return false;
    }
  }
}

function surplusRun(group: EndedGroup, { id, ending, endedAt }: EndedRun, because: string): SurplusRun {
  const { kind, domain, namespace, name } = group;
  const succeeded = ending === "SUCCEEDED";
  return { id, kind, domain, namespace, name, succeeded, endedAt: new Date(endedAt).toISOString(), because };
}
