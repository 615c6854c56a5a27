// The FAKE runner: does what its spec says and nothing else. Scenarios run on it in virtual time, benchmarks
// measure the engine with it, and people try out pipelines without touching anything.
//
// It keeps everything in memory: after a restart it knows no attempt.

import { checkedSpec } from "@mflow/core/checked-spec";
import { parseDuration } from "@mflow/core/duration";
import { MflowError } from "@mflow/core/errors";
import { FakeSpec } from "@mflow/core/schema/runner-spec";
import { attemptKey } from "../attempt-key.ts";
import {
  type AttemptRef,
  RetryableStartError,
  type Runner,
  type RunnerHost,
  type RunnerReport,
  type StartRequest,
  type StartResult,
  type StopOptions,
  type StopResult,
} from "../runner.ts";

/** Time as scenarios control it. */
export interface FakeClock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Calls back once after `ms`, at most `MAX_DELAY_MS`; the answer cancels. */
  setTimeout(callback: () => void, ms: number): () => void;
}

const machineClock: FakeClock = {
  now: () => Date.now(),
  setTimeout(callback, ms) {
    const timer = setTimeout(callback, ms);
    return () => clearTimeout(timer);
  },
};

/** Longest delay that Node's timers take, milliseconds. */
const MAX_DELAY_MS = 2 ** 31 - 1;
/** Time until a report that was not accepted is repeated, milliseconds. */
const REPEAT_MS = 1000;

interface FakeAttempt {
  key: string;
  ref: AttemptRef;
  spec: FakeSpec;
  startAt: string;
  /** Absent once the end is decided. */
  cancelTimer?: () => void;
  ending: boolean;
}

export function createFakeRunner(options: { clock?: FakeClock } = {}): Runner {
  return new FakeRunner(options.clock ?? machineClock);
}

class FakeRunner implements Runner {
  readonly type = "FAKE";
  readonly #clock: FakeClock;
  #host: RunnerHost | undefined;
  readonly #attempts = new Map<string, FakeAttempt>();
  readonly #tombstones = new Set<string>();
  /** How many starts of an attempt failed as `startErrors` asks. */
  readonly #failedStarts = new Map<string, number>();
  readonly #timers = new Set<() => void>();

  constructor(clock: FakeClock) {
    this.#clock = clock;
  }

  async open(host: RunnerHost): Promise<void> {
    this.#host = host;
  }

  async start(request: StartRequest): Promise<StartResult> {
    const key = attemptKey(request);
    if (this.#tombstones.has(key)) return { state: "STOPPED" };
    if (this.#attempts.has(key)) return { state: "EXISTS" };
    const spec = checkedSpec(FakeSpec, request.spec);
    if (spec.startRefused !== undefined) throw new MflowError("RUNNER_REFUSED", spec.startRefused);
    if (spec.startErrors) this.#failStart(key, spec.startErrors);
    if (spec.lost) return { state: "STARTED" };
    const attempt: FakeAttempt = {
      key,
      ref: { taskId: request.taskId, attempt: request.attempt },
      spec,
      startAt: this.#timestamp(),
      ending: false,
    };
    this.#attempts.set(key, attempt);
    await this.#run(attempt);
    return { state: "STARTED" };
  }

  async stop(ref: AttemptRef, { graceMs }: StopOptions): Promise<StopResult> {
    const key = attemptKey(ref);
    const attempt = this.#attempts.get(key);
    if (!attempt) {
      this.#tombstones.add(key);
      return "GONE";
    }
    if (!attempt.ending && (!attempt.spec.ignoreStop || graceMs === 0)) {
      attempt.cancelTimer?.();
      afterAnswer(() => this.#end(attempt, "CANCELED"));
    }
    return "STOPPING";
  }

  async list(): Promise<AttemptRef[]> {
    return [...this.#attempts.values()].map(({ ref }) => ref);
  }

  async release(): Promise<void> {}

  async close(): Promise<void> {
    this.#host = undefined;
    for (const cancel of this.#timers) cancel();
    this.#timers.clear();
  }

  #failStart(key: string, times: number): void {
    const failed = this.#failedStarts.get(key) ?? 0;
    if (failed >= times) {
      this.#failedStarts.delete(key);
      return;
    }
    this.#failedStarts.set(key, failed + 1);
    throw new RetryableStartError(`start ${failed + 1} fails, as \`startErrors: ${times}\` asks`);
  }

  /** Begins the work. Without a duration it is over at once: no timer, no ACTIVE report. */
  async #run(attempt: FakeAttempt): Promise<void> {
    const { ref, spec } = attempt;
    const outcome = ref.attempt <= (spec.failsFirst ?? 0) ? "FAILED" : (spec.outcome ?? "SUCCEEDED");
    const durationMs = spec.duration === undefined ? 0 : parseDuration(spec.duration);
    if (outcome === "NONE") {
      afterAnswer(() => this.#reportActive(attempt));
    } else if (spec.reportsBeforeStart) {
      await this.#end(attempt, outcome);
    } else if (durationMs === 0) {
      afterAnswer(() => this.#end(attempt, outcome));
    } else {
      attempt.cancelTimer = this.#later(durationMs, () => void this.#end(attempt, outcome));
      afterAnswer(() => this.#reportActive(attempt));
    }
  }

  async #reportActive(attempt: FakeAttempt): Promise<void> {
    if (attempt.ending) return;
    const { startAt } = attempt;
    await this.#deliver(attempt, { ...attempt.ref, stage: "ACTIVE", at: startAt, startAt });
  }

  async #end(attempt: FakeAttempt, stage: "SUCCEEDED" | "FAILED" | "CANCELED"): Promise<void> {
    if (attempt.ending) return;
    attempt.ending = true;
    const { ref, spec } = attempt;
    await this.#log(attempt);
    const report: RunnerReport = { ...ref, stage, at: this.#timestamp(), startAt: attempt.startAt };
    if (stage !== "CANCELED") {
      // What the first attempts failed of is not said of the one that is better.
      const isSaid = stage === "FAILED" || spec.failsFirst === undefined;
      if (isSaid && spec.reason !== undefined) report.reason = spec.reason;
      if (isSaid && spec.message !== undefined) report.message = spec.message;
      if (spec.runtimeEnvs) report.runtimeEnvs = textsOf(spec.runtimeEnvs);
      if (spec.markdownOutput !== undefined) report.markdownOutput = spec.markdownOutput;
    }
    await this.#deliver(attempt, report);
    if (spec.lateReport) {
      await this.#deliver(attempt, { ...ref, stage: spec.lateReport, at: this.#timestamp() });
    }
    // A runner that was closed in the meantime never delivered.
    if (this.#host) this.#attempts.delete(attempt.key);
  }

  async #log({ ref, spec }: FakeAttempt): Promise<void> {
    const time = this.#clock.now();
    const texts = spec.log ?? [];
    const lines = texts.map((text, i) => ({
      line: i + 1,
      time,
      stream: "stdout" as const,
      step: "fake",
      text,
    }));
    await this.#repeat(async ({ logs }) => {
      if (lines.length > 0) await logs.append(ref, lines);
      await logs.finish(ref);
    });
  }

  /** Resolves when the report was accepted, as often as the spec wants it sent. */
  async #deliver({ spec }: FakeAttempt, report: RunnerReport): Promise<void> {
    await this.#repeat((host) => host.report(report));
    if (spec.doubled) await this.#repeat((host) => host.report(report));
  }

  /** Repeats what the host refuses. Never goes on once the runner is closed. */
  async #repeat(action: (host: RunnerHost) => Promise<void>): Promise<void> {
    while (this.#host) {
      try {
        return await action(this.#host);
      } catch {
        await new Promise<void>((resolve) => this.#later(REPEAT_MS, resolve));
      }
    }
  }

  #later(ms: number, callback: () => void): () => void {
    let stop: () => void;
    const arm = (rest: number) => {
      stop = this.#clock.setTimeout(
        () => {
          if (rest > MAX_DELAY_MS) return arm(rest - MAX_DELAY_MS);
          this.#timers.delete(cancel);
          callback();
        },
        Math.min(rest, MAX_DELAY_MS),
      );
    };
    const cancel = () => {
      this.#timers.delete(cancel);
      stop();
    };
    arm(ms);
    this.#timers.add(cancel);
    return cancel;
  }

  #timestamp(): string {
    return new Date(this.#clock.now()).toISOString();
  }
}

/** Calls back once who awaits the present call has its answer. No timer, so that virtual time can stand still. */
function afterAnswer(callback: () => unknown): void {
  queueMicrotask(() => queueMicrotask(() => queueMicrotask(callback)));
}

function textsOf(values: Record<string, string | number | boolean>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, String(value)]));
}
