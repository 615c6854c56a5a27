// A host for the tests of runners: keeps what a runner reports and logs, and holds it to the rules of the
// log store. Tests await what they wait for; nothing sleeps.

import type { LogAppender, LogLine, LogRef } from "../../logs/log-store.ts";
import { attemptKey } from "../attempt-key.ts";
import type { AttemptRef, RunnerHost, RunnerReport, StartRequest } from "../runner.ts";
import type { WorkFiles } from "../work-files.ts";

const FINAL = new Set(["SUCCEEDED", "FAILED", "CANCELED"]);

export class RecordingHost implements RunnerHost {
  readonly reports: RunnerReport[] = [];
  /** Absent: there is no store for artifacts. */
  files?: WorkFiles;
  /** So many reports are refused before one is accepted. */
  refuse = 0;
  refused: RunnerReport[] = [];
  readonly #lines = new Map<string, LogLine[]>();
  readonly #finished = new Set<string>();
  readonly #waiting = new Set<() => void>();

  readonly logs: LogAppender = {
    length: async (ref) => this.lines(ref).length,
    append: async (ref, lines) => {
      const stored = this.lines(ref);
      for (const line of lines) {
        if (line.line <= stored.length) continue;
        if (line.line !== stored.length + 1) throw new Error(`gap before line ${line.line}`);
        if (this.#finished.has(attemptKey(ref))) throw new Error(`line ${line.line} after the end`);
        stored.push(line);
      }
      this.#lines.set(attemptKey(ref), stored);
      this.#changed();
    },
    read: async (ref, from, limit) => this.lines(ref).slice(from - 1, from - 1 + limit),
    finish: async (ref) => {
      this.#finished.add(attemptKey(ref));
      this.#changed();
    },
  };

  async report(report: RunnerReport): Promise<void> {
    if (this.refuse > 0) {
      this.refuse--;
      this.refused.push(report);
      this.#changed();
      throw new Error("not accepted, repeat it");
    }
    this.reports.push(report);
    this.#changed();
  }

  /** Attempts that the engine knows to be over, by key; all others are at work. See `RunnerHost.standing`. */
  readonly over = new Set<string>();

  async standing(ref: AttemptRef): Promise<"AT_WORK" | "OVER" | "UNKNOWN"> {
    return this.over.has(attemptKey(ref)) ? "OVER" : "AT_WORK";
  }

  /** Attempts that the engine has told to stop, by key. */
  readonly stopped = new Set<string>();

  async isWanted(ref: AttemptRef): Promise<boolean> {
    return !this.over.has(attemptKey(ref)) && !(await this.isStopping(ref));
  }

  async isStopping(ref: AttemptRef): Promise<boolean> {
    return this.stopped.has(attemptKey(ref));
  }

  /** Requests that the engine would make anew, by key. */
  readonly requests = new Map<string, StartRequest>();

  async startRequest(ref: AttemptRef): Promise<StartRequest | undefined> {
    return this.requests.get(attemptKey(ref));
  }

  lines(ref: LogRef): LogLine[] {
    return this.#lines.get(attemptKey(ref)) ?? [];
  }

  /** The log as `stream step| text`. */
  texts(ref: LogRef): string[] {
    return this.lines(ref).map((line) => `${line.stream} ${line.step}| ${line.text}`);
  }

  isFinished(ref: LogRef): boolean {
    return this.#finished.has(attemptKey(ref));
  }

  reportsOf(ref: AttemptRef): RunnerReport[] {
    return this.reports.filter((report) => report.taskId === ref.taskId && report.attempt === ref.attempt);
  }

  /** The first final report of an attempt, if it is there. */
  finalOf(ref: AttemptRef): RunnerReport | undefined {
    return this.reportsOf(ref).find((report) => FINAL.has(report.stage));
  }

  /** The first final report of an attempt, as soon as it is there. */
  async final(ref: AttemptRef, timeoutMs?: number): Promise<RunnerReport> {
    return this.until(() => this.finalOf(ref), timeoutMs);
  }

  /** The first report of a stage, as soon as it is there. */
  async reported(ref: AttemptRef, stage: RunnerReport["stage"]): Promise<RunnerReport> {
    return this.until(() => this.reportsOf(ref).find((report) => report.stage === stage));
  }

  /** Waits until a line contains the text. */
  async logged(ref: AttemptRef, text: string): Promise<LogLine> {
    return this.until(() => this.lines(ref).find((line) => line.text.includes(text)));
  }

  /** What `look` finds, as soon as it finds something. */
  async until<T>(look: () => T | undefined, timeoutMs = 80_000): Promise<T> {
    const found = look();
    if (found !== undefined) return found;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(check);
        const seen = JSON.stringify({ reports: this.reports, lines: [...this.#lines] }, null, 1);
        reject(new Error(`what the test waits for did not come; last there is: ${seen.slice(-4000)}`));
      }, timeoutMs);
      const check = () => {
        const result = look();
        if (result === undefined) return;
        clearTimeout(timer);
        this.#waiting.delete(check);
        resolve(result);
      };
      this.#waiting.add(check);
    });
  }

  #changed(): void {
    for (const check of [...this.#waiting]) check();
  }
}
