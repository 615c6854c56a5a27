// Moves the oldest events of the history from the database into files, and reads them there. Events go in the order of
// the stream and whatever became of their runs, so that one place tells what is where. First they are on the disk in the
// archive, then they go from the database in one transaction that notes how far the archive is whole: a crash in between
// repeats the portion, and doubles nothing.

import { setImmediate as turn } from "node:timers/promises";
import type { HistoryEvent } from "@mflow/core/schema/event";
import type { Clock } from "../engine/clock.ts";
import type { HistoryQuery, HistoryStore } from "../store/store.ts";
import { appendEvents, archiveBytes, fileFor, readEvents } from "./archive-files.ts";
import { Rounds } from "./rounds.ts";

export interface HistoryArchiveParts {
  history: HistoryStore;
  /** Absolute path; made when it is needed. */
  folder: string;
  /** Events older than this go, milliseconds; absent: all stay. What is in the archive is read all the same. */
  keepMs: number | undefined;
  clock: Clock;
  log: { warn(message: string, error?: unknown): void };
  /** Events that go at once (default 1000). */
  portion?: number;
}

/** It is looked for old events so often. */
const EVERY_MS = 10 * 60_000;
const PORTION = 1000;
/** Fewer than a portion wait so long for more: small ones pack badly. */
const PATIENCE_MS = 24 * 3600_000;

export class HistoryArchive {
  readonly #parts: HistoryArchiveParts;
  readonly #rounds: Rounds;
  #moved = 0;

  constructor(parts: HistoryArchiveParts) {
    this.#parts = parts;
    this.#rounds = new Rounds({
      clock: parts.clock,
      everyMs: EVERY_MS,
      soonMs: 0,
      round: (signal) => this.round(signal),
      failed: (error) => parts.log.warn("could not move old events to the archive; it is tried again", error),
    });
  }

  start(): void {
    if (this.#parts.keepMs !== undefined) this.#rounds.start();
  }

  stop(): Promise<void> {
    return this.#rounds.stop();
  }

  /** Events that were moved since the start. */
  get moved(): number {
    return this.#moved;
  }

  /** What the archive takes of the disk, bytes. */
  async bytes(): Promise<number> {
    return archiveBytes(this.#parts.folder, await this.#parts.history.archived());
  }

  /** Moves what is old enough, portion after portion. */
  async round(signal: AbortSignal): Promise<void> {
    while (!signal.aborted && (await this.#movePortion())) await turn();
  }

  /** Answers whether it moved a whole portion: then there may be more. */
  async #movePortion(): Promise<boolean> {
    const { history, folder, keepMs, clock, portion = PORTION } = this.#parts;
    if (keepMs === undefined) return false;
    const archived = await history.archived();
    const oldest = await history.list({ after: archived.upTo, limit: portion });
    const isOld = ({ at }: HistoryEvent, ms: number) => Date.parse(at) < clock.now() - ms;
    const [first] = oldest;
    if (!first || !isOld(first, keepMs)) return false;
    const young = oldest.findIndex((event) => !isOld(event, keepMs));
    const old = young < 0 ? oldest : oldest.slice(0, young);
    if (old.length < portion && !isOld(first, keepMs + PATIENCE_MS)) return false;
    const file = fileFor(first.at, archived.file);
    // A new month begins a new file, and so a new portion.
    const end = old.findIndex(({ at }) => fileFor(at, file) !== file);
    const events = end < 0 ? old : old.slice(0, end);
    const bytes = await appendEvents(folder, file, file === archived.file ? archived.bytes : 0, events);
    await history.archive({ upTo: events.at(-1)?.seq ?? archived.upTo, file, bytes });
    this.#moved += events.length;
    return old.length === portion || end >= 0;
  }

  /** Events of the archive that the query asks for, in order. */
  async *read(
    { after, scope, pipelineTaskId, taskId }: Omit<HistoryQuery, "limit">,
    signal: AbortSignal,
  ): AsyncGenerator<HistoryEvent> {
    const archived = await this.#parts.history.archived();
    for await (const event of readEvents(this.#parts.folder, archived, signal)) {
      if (
        event.seq > after &&
        (scope?.domain === undefined || scope.domain === event.domain) &&
        (scope?.namespace === undefined || scope.namespace === event.namespace) &&
        (pipelineTaskId === undefined || pipelineTaskId === event.pipelineTaskId) &&
        (taskId === undefined || taskId === event.taskId)
      )
        yield event;
    }
  }
}
