// One step from its start until nothing of it runs any more.
//
// A step is over when its first process has ended and what the others wrote until then has been read. When
// others go on, they get two seconds to close the pipe (a filter behind the last command needs a moment), and
// are then killed, unless the step keeps its processes. A stop is SIGTERM for all, then SIGKILL after the grace.

import type { Buffer } from "node:buffer";
import { type Cgroups, peakOf, removeGroup } from "./cgroup.ts";
import type { Launch } from "./launch.ts";
import type { Exit, Launcher, Launchers } from "./launchers.ts";
import { hasLeftovers, killLeftovers, lastNumber, type StepTrace, terminate } from "./leftovers.ts";
import { memoryOf, processTree } from "./memory.ts";

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
  /** Starts it, and leads its process group. */
  launcher: Launcher;
  launch: Launch;
  timeoutMs: number | undefined;
  /** Between SIGTERM and SIGKILL when the time is over. */
  graceMs: number;
  keepProcesses: boolean;
  onOutput(stream: "stdout" | "stderr", bytes: Buffer): void;
  /** The step runs for a while; `group`: the cgroup that it will be in. */
  onLasting(group: string | undefined): void;
}

export interface StepTools {
  launchers: Launchers;
  cgroups: Cgroups | undefined;
}

export interface StepEnd extends Exit {
  /** Milliseconds since the epoch. */
  startAt: number;
  endAt: number;
  timedOut: boolean;
  peakMemoryBytes?: number;
  peakMemorySource?: "CGROUP" | "SAMPLED";
}

export class RunningStep {
  /** Resolves when nothing of the step runs any more, but for what it keeps. */
  readonly ended: Promise<StepEnd>;
  readonly #start: StepStart;
  readonly #tools: StepTools;
  readonly #launcher: Launcher;
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

  /** Throws when it cannot be started; the launcher is given back then. */
  constructor(start: StepStart, tools: StepTools) {
    this.#start = start;
    this.#tools = tools;
    this.#launcher = start.launcher;
    const { out, err, pid } = this.#launcher;
    out.onData = (bytes) => start.onOutput("stdout", bytes);
    err.onData = (bytes) => start.onOutput("stderr", bytes);
    this.#trace = {
      mark: start.launch.mark,
      leader: pid,
      after: lastNumber(),
      others: tools.launchers.pids,
      group: undefined,
      pipes: [out.path, err.path],
    };
    let exit: Promise<Exit>;
    try {
      exit = this.#launcher.start(start.launch);
    } catch (error) {
      tools.launchers.giveBack(this.#launcher);
      throw error;
    }
    this.ended = exit.then((how) => this.#settle(how));
    this.#later(LASTING_MS, () => this.#lasts());
    if (start.timeoutMs !== undefined) this.#later(start.timeoutMs, () => this.#runsOutOfTime());
  }

  /** Ends the step and all that it started; `graceMs`: between SIGTERM and SIGKILL. A later stop may shorten it. */
  stop(graceMs: number): void {
    const killAt = performance.now() + graceMs;
    if (!this.#stopping) {
      this.#stopping = true;
      if (this.#exited) return;
      terminate(this.#everything());
    } else if (killAt >= this.#killAt) return;
    this.#killAt = killAt;
    this.#later(graceMs, () => void killLeftovers(this.#everything()));
  }

  #lasts(): void {
    this.#start.onLasting(this.#tools.cgroups?.pathOf(this.#trace.mark));
    this.#sample();
    this.#later(GROUPED_MS - LASTING_MS, () => this.#group());
  }

  #group(): void {
    const { cgroups } = this.#tools;
    if (!cgroups) return;
    this.#trace.group = cgroups.pathOf(this.#trace.mark);
    void cgroups.move(this.#trace.mark, this.#processes());
  }

  #sample(): void {
    const began = performance.now();
    this.#peak = Math.max(this.#peak, memoryOf(this.#processes()));
    const interval = (performance.now() - began) * SAMPLE_MS.perCost;
    this.#later(Math.min(Math.max(interval, SAMPLE_MS.least), SAMPLE_MS.most), () => this.#sample());
  }

  /** The processes of the step that descend from its launcher. */
  #processes(): number[] {
    return processTree(this.#launcher.pid).slice(1);
  }

  #runsOutOfTime(): void {
    this.#timedOut = true;
    this.stop(this.#start.graceMs);
  }

  async #settle(exit: Exit): Promise<StepEnd> {
    const endAt = Date.now();
    this.#exited = true;
    for (const timer of this.#timers) clearTimeout(timer);
    await this.#leaveNothing();
    const end: StepEnd = { ...exit, startAt: this.#startAt, endAt, timedOut: this.#timedOut };
    this.#measure(end);
    this.#removeGroup();
    return end;
  }

  /** Reads what is still in the pipes, and kills what is not to be kept. */
  async #leaveNothing(): Promise<void> {
    const { launchers } = this.#tools;
    const keeps = this.#start.keepProcesses && !this.#stopping;
    const isShort = performance.now() - this.#began < SHORT_MS;
    if (!isShort) this.#trace.after = undefined;
    if (isShort && !keeps && !this.#launcher.gone) {
      await this.#drained();
      if (!hasLeftovers(this.#trace)) {
        launchers.giveBack(this.#launcher);
        return;
      }
    }
    if (this.#stopping) {
      await this.#graceOver();
      await killLeftovers(this.#trace);
    }
    await launchers.retire(this.#launcher, DRAIN_MS);
    // Stopped meanwhile: then nothing is kept.
    if (!keeps || this.#stopping) await killLeftovers(this.#trace);
  }

  /** Those that the first process leaves behind have the same grace as it. */
  async #graceOver(): Promise<void> {
    while (performance.now() < this.#killAt && hasLeftovers(this.#trace)) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** Resolves when the event loop has looked at the pipes once more and nothing came. */
  async #drained(): Promise<void> {
    const { out, err } = this.#launcher;
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

  /** The trace as long as the step runs: its processes may have any number. */
  #everything(): StepTrace {
    return { ...this.#trace, after: undefined };
  }

  #later(ms: number, callback: () => void): void {
    const rest = ms - LONGEST_TIMER_MS;
    const timer = setTimeout(
      () => {
        this.#timers.delete(timer);
        if (this.#exited) return;
        if (rest > 0) this.#later(rest, callback);
        else callback();
      },
      Math.min(ms, LONGEST_TIMER_MS),
    );
    this.#timers.add(timer);
  }
}
