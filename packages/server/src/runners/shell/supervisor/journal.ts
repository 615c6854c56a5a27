// What a supervisor must know when the one before it was killed: a file to which every event of an attempt is
// added. One file for all, and events of one moment in one write, because a file per attempt would cost more
// than the attempt. Nothing is synced: after a power failure no process runs that could be known.
//
// When it has grown long it begins anew, with the events that are still needed. Steps write their exit status
// into `exits.N` by themselves; N changes with each new beginning, so that a step that still runs always finds
// its file.

import { Buffer } from "node:buffer";
import { closeSync, ftruncateSync, openSync, readFileSync, renameSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { ProcessIdentity } from "./process-identity.ts";
import { type ArtifactPlan, keyOf, type Owner, type Ref, type Result, type StepResult } from "./protocol.ts";

/** What is known of a step before it runs. */
export interface PlannedStep {
  name: string;
  continueOnError: boolean;
  keepProcesses: boolean;
}

/** What of a workspace is kept. */
export interface PlannedKeep {
  workspace: string;
  artifacts: ArtifactPlan[];
  limit: number;
}

export type JournalEvent =
  | {
      e: "start";
      ref: Ref;
      startAt: string;
      steps: PlannedStep[];
      /** Whom its steps run as. */
      owner?: Owner;
      /** Folder of the attempt's files. */
      files: string;
      /** Folder that it has to itself while it runs. */
      folder: string;
      /** Where its steps write their exit status. */
      exits: string;
      /** Leads the process group of the first step. */
      leader: ProcessIdentity;
      /** What it keeps when its steps have ended. */
      keep?: PlannedKeep;
    }
  /** A step runs for a while and has a cgroup. */
  | { e: "group"; ref: Ref; group: string }
  /** A step has ended; the next one begins, in the process group of `leader`. */
  | { e: "step"; ref: Ref; result: StepResult; leader: ProcessIdentity }
  | { e: "stop"; ref: Ref }
  /**
   * Without the runtime envs: those are in the steps' own files, of the steps with these indexes. `log`: when there
   * is no spool.
   */
  | { e: "end"; ref: Ref; result: Result; outputs?: number[]; log?: string }
  | { e: "ack"; ref: Ref };

/** Bytes from which on it begins anew; when it is long even then, at four times its length. */
const LONG = 256 * 1024;

export class Journal {
  readonly #path: string;
  readonly #failed: (error: unknown) => void;
  /** Events of the attempts that are not forgotten yet. */
  readonly #needed = new Map<string, JournalEvent[]>();
  #fd: number;
  #size = 0;
  #begunWith = 0;
  #waiting = "";
  /** Told once what waits is written. */
  #waiters: (() => void)[] = [];
  #scheduled: NodeJS.Immediate | undefined;
  /** Number of beginnings. */
  epoch = 0;

  /** Begins anew with the events that an earlier journal left. `failed` hears of writes that come to nothing. */
  constructor(folder: string, before: JournalEvent[], failed: (error: unknown) => void) {
    this.#path = join(folder, "journal");
    this.#failed = failed;
    for (const event of before) this.#note(event);
    this.#fd = this.#begin();
  }

  /** Files for exit statuses that attempts still refer to. */
  get exits(): Set<string> {
    return new Set(
      [...this.#needed.values()].flat().flatMap((event) => (event.e === "start" ? event.exits : [])),
    );
  }

  /** Writes the event, and all that waits. Throws when the disk is full. */
  writeNow(event: JournalEvent): void {
    const before = this.#waiting;
    this.#add(event);
    try {
      this.#write();
    } catch (error) {
      // The caller gives up what the event announces.
      this.#waiting = before;
      this.#needed.delete(keyOf(event.ref));
      throw error;
    }
  }

  /** Writes the event before it returns; when that fails, with the next one. */
  writeAtOnce(event: JournalEvent): void {
    this.#add(event);
    this.#writeOrLater();
  }

  /** Writes the event with others of this moment. `written` is called once it is in the file. */
  write(event: JournalEvent, written?: () => void): void {
    this.#add(event);
    if (written) this.#waiters.push(written);
    this.#scheduled ??= setImmediate(() => this.#writeOrLater());
  }

  /** Writes the event whenever something else is written: to lose it does no harm. */
  writeSometime(event: JournalEvent): void {
    this.#add(event);
    if (this.#waiting.length > LONG) this.#writeOrLater();
  }

  /** Writes what waits, before the process ends. */
  close(): void {
    this.#writeOrLater();
    closeSync(this.#fd);
  }

  #add(event: JournalEvent): void {
    this.#note(event);
    this.#waiting += `${JSON.stringify(event)}\n`;
  }

  #note(event: JournalEvent): void {
    const key = keyOf(event.ref);
    if (event.e === "start") this.#needed.set(key, [event]);
    else if (event.e === "ack") this.#needed.delete(key);
    else this.#needed.get(key)?.push(event);
  }

  #writeOrLater(): void {
    this.#scheduled = undefined;
    try {
      this.#write();
    } catch (error) {
      this.#failed(error);
    }
  }

  #write(): void {
    clearImmediate(this.#scheduled);
    this.#scheduled = undefined;
    if (this.#waiting === "") return;
    try {
      this.#size += writeWhole(this.#fd, this.#waiting);
      this.#waiting = "";
    } catch (error) {
      ftruncateSync(this.#fd, this.#size);
      throw error;
    }
    for (const written of this.#waiters.splice(0)) written();
    if (this.#size >= Math.max(LONG, 4 * this.#begunWith)) this.#beginAnew();
  }

  /** The events are in the old file; when there can be no new one, that serves on. */
  #beginAnew(): void {
    const before = this.#fd;
    try {
      this.#fd = this.#begin();
    } catch (error) {
      this.#failed(error);
      return;
    }
    closeSync(before);
    this.epoch++;
  }

  #begin(): number {
    const events = [...this.#needed.values()].flat();
    const draft = `${this.#path}.new`;
    rmSync(draft, { force: true });
    const fd = openSync(draft, "a", 0o600);
    try {
      const size = writeWhole(fd, events.map((event) => `${JSON.stringify(event)}\n`).join(""));
      renameSync(draft, this.#path);
      this.#begunWith = size;
      this.#size = size;
    } catch (error) {
      closeSync(fd);
      throw error;
    }
    return fd;
  }
}

/** Writes all of the text, or throws. Answers the number of bytes. */
export function writeWhole(fd: number, text: string): number {
  const bytes = Buffer.from(text);
  let written = 0;
  while (written < bytes.length) written += writeSync(fd, bytes, written);
  return written;
}

/** The events in a journal; a last line that was cut is left out. */
export function readJournal(folder: string): JournalEvent[] {
  let text: string;
  try {
    text = readFileSync(join(folder, "journal"), "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
    throw error;
  }
  return text.split("\n").flatMap((line) => {
    try {
      return line === "" ? [] : [JSON.parse(line) as JournalEvent];
    } catch {
      return [];
    }
  });
}
