// Brings one attempt home: copies its log from the spool, reports, and says when the supervisor may forget it.
// Lines are addressed by number and results are repeated, so a crash at any point leaves neither gap nor
// duplicate. What the host refuses is tried again.

import { type FileHandle, open } from "node:fs/promises";
import type { LogLine } from "../../logs/log-store.ts";
import type { AttemptRef, RunnerHost, RunnerReport } from "../runner.ts";
import { storeKept } from "./store-kept.ts";
import type { Result, SpoolExtent, SpoolLine } from "./supervisor/protocol.ts";

const READ = 1024 * 1024;
const FIRST_BACKOFF_MS = 50;
const MAX_BACKOFF_MS = 5000;

export interface FollowerEvents {
  /** Log and result are with the host. */
  done(): void;
  warn(message: string): void;
}

export class AttemptFollower {
  readonly ref: AttemptRef;
  readonly #host: RunnerHost;
  readonly #events: FollowerEvents;
  #active: RunnerReport | undefined;
  #extent: SpoolExtent | undefined;
  #result: Result | undefined;
  #log: string | undefined;
  /** Bytes of the spool that were copied. */
  #copied = 0;
  /** Lines that the host had already when the following began. */
  #stored: number | undefined;
  #spool: FileHandle | undefined;
  /** The result, once what the attempt keeps is durable. */
  #final: Result | undefined;
  #reported = false;
  #working = false;
  #closed = false;
  #trouble: string | undefined;

  /** `fresh`: the attempt has just begun, so the host has no line of it. */
  constructor(ref: AttemptRef, fresh: boolean, host: RunnerHost, events: FollowerEvents) {
    this.ref = ref;
    this.#host = host;
    this.#events = events;
    if (fresh) this.#stored = 0;
  }

  get hasResult(): boolean {
    return this.#result !== undefined;
  }

  /** Why the last try to give the host its log, its result or what it keeps went wrong. */
  get trouble(): string | undefined {
    return this.#trouble;
  }

  active(startAt: string): void {
    this.#active = { ...this.ref, stage: "ACTIVE", at: startAt, startAt };
    this.#wake();
  }

  grew(extent: SpoolExtent): void {
    this.#extent = extent;
    this.#wake();
  }

  /**
   * `log`: lines as in a spool, of an attempt that has none. What is told first counts: who took over from a killed
   * supervisor may know less.
   */
  end(result: Result, extent?: SpoolExtent, log?: string): void {
    if (this.#result) return;
    this.#result = result;
    this.#extent = extent ?? this.#extent;
    this.#log = log;
    this.#wake();
  }

  close(): void {
    this.#closed = true;
  }

  #wake(): void {
    if (this.#working) return;
    this.#working = true;
    void this.#work();
  }

  async #work(): Promise<void> {
    let backoff = FIRST_BACKOFF_MS;
    while (!this.#closed) {
      try {
        if (!(await this.#advance())) break;
        backoff = FIRST_BACKOFF_MS;
        this.#trouble = undefined;
      } catch (error) {
        if (this.#closed) break;
        const { taskId, attempt } = this.ref;
        const reason = error instanceof Error ? error.message : String(error);
        this.#trouble = reason;
        this.#events.warn(`${taskId}, attempt ${attempt}: ${reason}; next try in ${backoff} ms`);
        // A log that cannot be stored holds up the forgetting, not the result.
        if (this.#result && !this.#reported) await this.#finish(this.#result).catch(() => {});
        await new Promise((resolve) => setTimeout(resolve, backoff));
        backoff = Math.min(backoff * 2, MAX_BACKOFF_MS);
      }
    }
    this.#working = false;
    if (this.#closed) await this.#closeSpool();
  }

  /** Does the next thing; false when there is none. */
  async #advance(): Promise<boolean> {
    if (this.#active && !this.#result) {
      await this.#host.report(this.#active);
      this.#active = undefined;
    } else if (this.#extent && this.#extent.bytes > this.#copied) {
      await this.#copy(this.#extent);
    } else if (this.#log !== undefined) {
      await this.#append(this.#log);
      this.#log = undefined;
    } else if (this.#result) {
      await this.#closeSpool();
      await this.#host.logs.finish(this.ref);
      if (!this.#reported) await this.#finish(this.#result);
      await this.#host.files?.forget(this.ref);
      this.#closed = true;
      this.#events.done();
    } else {
      return false;
    }
    return true;
  }

  /** Reports the result; not before what the attempt keeps is durable. */
  async #finish(result: Result): Promise<void> {
    this.#final ??= await storeKept(this.#host, this.ref, result);
    await this.#host.report({ ...this.ref, ...this.#final });
    this.#reported = true;
  }

  async #copy({ path, bytes }: SpoolExtent): Promise<void> {
    this.#spool ??= await open(path);
    const buffer = Buffer.allocUnsafe(Math.min(bytes - this.#copied, READ));
    const { bytesRead } = await this.#spool.read(buffer, 0, buffer.length, this.#copied);
    const end = buffer.subarray(0, bytesRead).lastIndexOf("\n") + 1;
    if (end === 0) throw new Error(`its spool ${path} is shorter than the supervisor said`);
    await this.#append(buffer.toString("utf8", 0, end));
    this.#copied += end;
  }

  async #append(text: string): Promise<void> {
    this.#stored ??= await this.#host.logs.length(this.ref);
    const lines = parseLines(text, this.#stored);
    if (lines.length > 0) await this.#host.logs.append(this.ref, lines);
  }

  async #closeSpool(): Promise<void> {
    const spool = this.#spool;
    this.#spool = undefined;
    await spool?.close();
  }
}

/** Lines of a spool but for the first ones, which are stored. */
function parseLines(text: string, stored: number): LogLine[] {
  const lines: LogLine[] = [];
  for (const json of text.split("\n")) {
    if (json === "") continue;
    const [line, time, stream, step, content] = JSON.parse(json) as SpoolLine;
    if (line > stored) lines.push({ line, time, stream, step, text: content });
  }
  return lines;
}
