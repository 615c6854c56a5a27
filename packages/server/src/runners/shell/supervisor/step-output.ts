// What one stream of a step writes, on its way into the log: within the limits, in lines, masked. What is too
// much is dropped unread, and the log says where and how much.

import { Buffer } from "node:buffer";
import type { StreamMasker } from "@mflow/core/mask";
import { type DropReason, dropNote, type OutputLimit } from "./output-limit.ts";
import { OutputLines } from "./output-lines.ts";
import type { Limits } from "./protocol.ts";
import type { Spool } from "./spool.ts";

const NEWLINE = 0x0a;
/** A line counts as at least so many bytes: many short lines are as much work as few long ones. */
const LEAST_LINE = 128;

export interface TaskLog {
  spool: Spool;
  limit: OutputLimit;
  limits: Limits;
  /** A masker for one text. */
  masker(): StreamMasker;
}

export class StepOutput {
  readonly #log: TaskLog;
  readonly #step: string;
  readonly #lines: OutputLines;
  #now = 0;
  /** Bytes of lines that came after the limit of the task was reached, and are not told of yet. */
  #beyond = 0;
  #dropping: { reason: DropReason; bytes: number } | undefined;

  constructor(log: TaskLog, stream: "stdout" | "stderr", step: string) {
    this.#log = log;
    this.#step = step;
    this.#lines = new OutputLines(log.masker(), (line) => {
      if (log.limit.isReached) this.#beyond += Buffer.byteLength(line) + 1;
      else log.limit.stored(Math.max(log.spool.add(this.#now, stream, step, line), LEAST_LINE));
    });
  }

  push(bytes: Buffer): void {
    this.#now = Date.now();
    const reason = this.#log.limit.dropReason(this.#now, this.#dropping !== undefined);
    if (reason !== undefined) this.#drop(reason, bytes);
    else if (this.#dropping) this.#resume(bytes);
    else this.#lines.push(bytes);
    this.#cutBeyond();
  }

  /** The stream has ended. */
  end(): void {
    this.#now = Date.now();
    if (!this.#dropping) this.#lines.end();
    this.#cutBeyond();
    this.#noteDropped();
  }

  /** The limit of the task was reached within a piece. */
  #cutBeyond(): void {
    if (this.#beyond > 0) this.#cut("SIZE");
  }

  #cut(reason: DropReason): { reason: DropReason; bytes: number } {
    this.#lines.breakOff();
    if (reason === "SIZE") this.#note("output is cut here: the log has reached its limit");
    this.#dropping = { reason, bytes: this.#beyond };
    this.#beyond = 0;
    return this.#dropping;
  }

  #drop(reason: DropReason, bytes: Buffer): void {
    if (!this.#dropping) {
      this.#dropping = this.#cut(reason);
    } else if (this.#dropping.reason !== reason) {
      this.#noteDropped();
      this.#dropping = { reason, bytes: 0 };
    }
    this.#dropping.bytes += bytes.length;
  }

  /** Goes on with the next whole line. */
  #resume(bytes: Buffer): void {
    const dropping = this.#dropping as { bytes: number };
    const end = bytes.indexOf(NEWLINE);
    dropping.bytes += end === -1 ? bytes.length : end + 1;
    if (end === -1) return;
    this.#noteDropped();
    this.#lines.push(bytes.subarray(end + 1));
  }

  #noteDropped(): void {
    if (this.#dropping) this.#note(dropNote(this.#dropping.reason, this.#dropping.bytes, this.#log.limits));
    this.#dropping = undefined;
  }

  #note(text: string): void {
    this.#log.spool.add(this.#now, "mflow", this.#step, text);
  }
}
