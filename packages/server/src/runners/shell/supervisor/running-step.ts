// One step from its start until nothing of it runs any more.
//
// A step is over when its first process has ended and what the others wrote until then has been read. When
// others go on, they get two seconds to close the pipe (a filter behind the last command needs a moment), and
// are then killed, unless the step keeps its processes. A stop is SIGTERM for all, then SIGKILL after the grace.

import { type ChildProcess, spawn } from "node:child_process";
import { type Cgroups, peakOf, removeGroup } from "./cgroup.ts";
import type { Launch } from "./launch.ts";
import { hasLeftovers, killLeftovers, type StepTrace, terminate } from "./leftovers.ts";
import { memoryOf, processTree } from "./memory.ts";
import type { PipePair, Pipes } from "./pipes.ts";
import { identityOf, type ProcessIdentity } from "./process-identity.ts";
import type { Owner } from "./protocol.ts";

/** From then on a step is worth what it costs to watch it: first its identity and memory, then a cgroup. */
const LASTING_MS = 20;
const GROUPED_MS = 100;
/** Steps up to this long are looked at for leftovers in the cheap way. */
const SHORT_MS = 1000;
const DRAIN_MS = 2000;
/** Memory is looked at so often, and less often where that takes long: at most half a percent of the time. */
const SAMPLE_MS = { least: 50, most: 1000, perCost: 200 };
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export interface StepStart {
  mark: string;
  launch: Launch;
  env: Record<string, string>;
  cwd: string;
  owner: Owner | undefined;
  timeoutMs: number | undefined;
  graceMs: number;
  keepProcesses: boolean;
  onOutput(stream: "stdout" | "stderr", bytes: Buffer): void;
  /** The step runs for a while: who its first process is, and the cgroup that it will be in. */
  onLasting(process: ProcessIdentity, group: string | undefined): void;
}

export interface StepTools {
  pipes: Pipes;
  cgroups: Cgroups | undefined;
  /** First processes of all running steps. */
  leaders: Set<number>;
}

export interface StepEnd {
  /** Milliseconds since the epoch. */
  startAt: number;
  endAt: number;
  exitCode?: number;
  signal?: string;
  timedOut: boolean;
  peakMemoryBytes?: number;
  peakMemorySource?: "CGROUP" | "SAMPLED";
}

export class RunningStep {
  /** Rejects when the first process cannot be started. */
  readonly ended: Promise<StepEnd>;
  readonly #start: StepStart;
  readonly #tools: StepTools;
  readonly #pipes: PipePair;
  readonly #child: ChildProcess;
  readonly #startAt = Date.now();
  readonly #began = performance.now();
  readonly #trace: StepTrace;
  readonly #timers = new Set<NodeJS.Timeout>();
  #peak = 0;
  #timedOut = false;
  #stopping = false;
  #exited = false;
  /** When the grace of a stop is over, by the clock of `performance`. */
  #killAt = 0;

  /** Throws when the first process cannot be started. */
  constructor(start: StepStart, tools: StepTools) {
    this.#start = start;
    this.#tools = tools;
    this.#pipes = tools.pipes.take();
    this.#pipes.out.onData = (bytes) => start.onOutput("stdout", bytes);
    this.#pipes.err.onData = (bytes) => start.onOutput("stderr", bytes);
    const { launch, owner } = start;
    try {
      this.#child = spawn(launch.file, launch.args, {
        cwd: start.cwd,
        env: start.env,
        detached: true,
        stdio: ["ignore", this.#pipes.out.writeFd, this.#pipes.err.writeFd],
        ...owner,
      });
    } catch (error) {
      tools.pipes.giveBack(this.#pipes);
      throw error;
    }
    const { pid } = this.#child;
    const pipes = [this.#pipes.out.path, this.#pipes.err.path];
    this.#trace = { mark: start.mark, pid, others: tools.leaders, short: true, group: undefined, pipes };
    if (pid !== undefined) tools.leaders.add(pid);
    this.#later(LASTING_MS, () => this.#lasts());
    if (start.timeoutMs !== undefined) this.#later(start.timeoutMs, () => this.#runsOutOfTime());
    this.ended = new Promise((resolve, reject) => {
      this.#child.once("error", (error) => {
        // Signals are sent by number, so this is the start.
        this.#clearTimers();
        tools.pipes.giveBack(this.#pipes);
        reject(error);
      });
      this.#child.once("exit", (code, signal) => resolve(this.#settle(code, signal)));
    });
  }

  /** Ends the step and all that it started; `graceMs`: between SIGTERM and SIGKILL. */
  stop(graceMs: number): void {
    if (this.#stopping || this.#exited) {
      this.#stopping = true;
      return;
    }
    this.#stopping = true;
    this.#killAt = performance.now() + graceMs;
    terminate(this.#everything());
    this.#later(graceMs, () => void killLeftovers(this.#everything()));
  }

  #lasts(): void {
    const { pid } = this.#trace;
    if (pid === undefined) return;
    this.#start.onLasting(identityOf(pid), this.#tools.cgroups?.pathOf(this.#start.mark));
    this.#sample();
    this.#later(GROUPED_MS - LASTING_MS, () => this.#group(pid));
  }

  #group(pid: number): void {
    const { cgroups } = this.#tools;
    if (!cgroups) return;
    this.#trace.group = cgroups.pathOf(this.#start.mark);
    void cgroups.move(this.#start.mark, processTree(pid));
  }

  #sample(): void {
    if (this.#trace.pid === undefined) return;
    const began = performance.now();
    this.#peak = Math.max(this.#peak, memoryOf(processTree(this.#trace.pid)));
    const interval = (performance.now() - began) * SAMPLE_MS.perCost;
    this.#later(Math.min(Math.max(interval, SAMPLE_MS.least), SAMPLE_MS.most), () => this.#sample());
  }

  #runsOutOfTime(): void {
    this.#timedOut = true;
    this.stop(this.#start.graceMs);
  }

  async #settle(code: number | null, signal: NodeJS.Signals | null): Promise<StepEnd> {
    const endAt = Date.now();
    this.#exited = true;
    this.#clearTimers();
    this.#tools.leaders.delete(this.#trace.pid as number);
    await this.#leaveNothing();
    const end: StepEnd = { startAt: this.#startAt, endAt, timedOut: this.#timedOut };
    if (code !== null) end.exitCode = code;
    if (signal !== null) end.signal = signal;
    this.#measure(end);
    this.#removeGroup();
    return end;
  }

  /** Reads what is still in the pipes, and kills what is not to be kept. */
  async #leaveNothing(): Promise<void> {
    const { pipes } = this.#tools;
    const keeps = () => this.#start.keepProcesses && !this.#stopping;
    this.#trace.short = performance.now() - this.#began < SHORT_MS;
    if (this.#trace.short && !keeps()) {
      await this.#drained();
      if (!hasLeftovers(this.#trace)) {
        pipes.giveBack(this.#pipes);
        return;
      }
    }
    if (this.#stopping) {
      await this.#graceOver();
      await killLeftovers(this.#trace);
    }
    await pipes.closeWithin(this.#pipes, DRAIN_MS);
    if (!keeps()) await killLeftovers(this.#trace);
    this.#pipes.out.onData = this.#pipes.err.onData = () => {};
  }

  /** Those that the first process leaves behind have the same grace as it. */
  async #graceOver(): Promise<void> {
    while (performance.now() < this.#killAt && hasLeftovers(this.#trace)) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** Resolves when the event loop has looked at the pipes once more and nothing came. */
  async #drained(): Promise<void> {
    const { out, err } = this.#pipes;
    for (let seen = -1; seen !== out.pieces + err.pieces; ) {
      seen = out.pieces + err.pieces;
      // The first ends this round of the loop, the second the next whole one.
      await new Promise(setImmediate);
      await new Promise(setImmediate);
    }
  }

  #measure(end: StepEnd): void {
    const peak = this.#trace.group === undefined ? undefined : peakOf(this.#trace.group);
    if (peak !== undefined) {
      end.peakMemoryBytes = Math.max(peak, this.#peak);
      end.peakMemorySource = "CGROUP";
    } else if (this.#peak > 0) {
      end.peakMemoryBytes = this.#peak;
      end.peakMemorySource = "SAMPLED";
    }
  }

  #removeGroup(): void {
    const { group } = this.#trace;
    if (group === undefined) return;
    removeGroup(group);
    // The kernel may still be clearing away what was killed.
    setTimeout(() => removeGroup(group), 200).unref();
  }

  /** The trace with the first process, which is not yet known to have ended. */
  #everything(): StepTrace {
    return { ...this.#trace, short: false, others: new Set() };
  }

  #later(ms: number, callback: () => void): void {
    const timer = setTimeout(
      () => {
        this.#timers.delete(timer);
        callback();
      },
      Math.min(ms, LONGEST_TIMER_MS),
    );
    this.#timers.add(timer);
  }

  #clearTimers(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }
}
