// The FAKE runner: the contract, and everything that its spec can ask for.

import { describe, expect, test } from "vitest";
import { describeRunner } from "../runner.conformance.ts";
import { RetryableStartError } from "../runner.ts";
import { RecordingHost } from "../testing/recording-host.ts";
import { startRequest } from "../testing/start-request.ts";
import { createFakeRunner, type FakeClock } from "./fake-runner.ts";

describeRunner("FAKE", async () => ({
  runner: () => createFakeRunner(),
  durable: false,
  markdown: true,
  specs: {
    succeeds: {},
    fails: { outcome: "FAILED", reason: "EXIT_CODE", message: "it broke" },
    goesOn: { outcome: "NONE" },
    ignoresStop: { outcome: "NONE", ignoreStop: true },
    logs: { log: ["one", "two"] },
    putsOut: { runtimeEnvs: { VERSION: "1.2" }, markdownOutput: "# done" },
    refused: { startRefused: "this cannot work" },
  },
  dispose: async () => {},
}));

/** Time that goes on only when the test says so. */
class VirtualClock implements FakeClock {
  #now = Date.parse("2026-01-01T00:00:00.000Z");
  readonly #timers = new Set<{ at: number; callback: () => void }>();

  now(): number {
    return this.#now;
  }

  setTimeout(callback: () => void, ms: number): () => void {
    // Node's timers ring at once when they are to run for longer than they can.
    const timer = { at: this.#now + (ms < 2 ** 31 ? ms : 1), callback };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  get waiting(): number {
    return this.#timers.size;
  }

  /** Goes on, and lets everything that follows from it happen. */
  async advance(ms: number): Promise<void> {
    this.#now += ms;
    for (const timer of [...this.#timers]) {
      if (timer.at > this.#now) continue;
      this.#timers.delete(timer);
      timer.callback();
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
}

async function fakeRunner() {
  const clock = new VirtualClock();
  const runner = createFakeRunner({ clock });
  const host = new RecordingHost();
  await runner.open(host);
  return { clock, runner, host };
}

describe("FAKE", () => {
  test("work without a duration is done without a timer and reports once", async () => {
    const { clock, runner, host } = await fakeRunner();
    const request = startRequest({});
    await runner.start(request);
    await host.final(request);
    const at = "2026-01-01T00:00:00.000Z";
    expect(host.reports).toEqual([
      { taskId: request.taskId, attempt: 1, stage: "SUCCEEDED", at, startAt: at },
    ]);
    expect(clock.waiting).toBe(0);
  });

  test("work with a duration is ACTIVE until its time is over", async () => {
    const { clock, runner, host } = await fakeRunner();
    const request = startRequest({
      duration: "1m30s",
      outcome: "FAILED",
      reason: "EXIT_CODE",
      message: "no",
    });
    await runner.start(request);
    await clock.advance(89_999);
    expect(host.reports.map(({ stage, at }) => ({ stage, at }))).toEqual([
      { stage: "ACTIVE", at: "2026-01-01T00:00:00.000Z" },
    ]);
    await clock.advance(1);
    expect(host.reports.at(-1)).toEqual({
      taskId: request.taskId,
      attempt: 1,
      stage: "FAILED",
      reason: "EXIT_CODE",
      message: "no",
      at: "2026-01-01T00:01:30.000Z",
      startAt: "2026-01-01T00:00:00.000Z",
    });
  });

  test("work takes as long as it says, also longer than timers go", async () => {
    const { clock, runner, host } = await fakeRunner();
    await runner.start(startRequest({ duration: "60d" }));
    const longest = 2 ** 31 - 1;
    for (const ms of [longest, longest, 60 * 24 * 3600_000 - 2 * longest - 1]) await clock.advance(ms);
    expect(host.reports.map(({ stage }) => stage)).toEqual(["ACTIVE"]);
    await clock.advance(1);
    expect(host.reports.map(({ stage }) => stage)).toEqual(["ACTIVE", "SUCCEEDED"]);
  });

  test("numbers and booleans are put out as texts", async () => {
    const { runner, host } = await fakeRunner();
    const request = startRequest({ runtimeEnvs: { PORT: 8080, READY: true, NAME: "x" } });
    await runner.start(request);
    expect((await host.final(request)).runtimeEnvs).toEqual({ PORT: "8080", READY: "true", NAME: "x" });
  });

  test("starts fail as often as asked, then work", async () => {
    const { runner, host } = await fakeRunner();
    const request = startRequest({ startErrors: 2 });
    await expect(runner.start(request)).rejects.toBeInstanceOf(RetryableStartError);
    await expect(runner.start(request)).rejects.toBeInstanceOf(RetryableStartError);
    expect(await runner.start(request)).toEqual({ state: "STARTED" });
    expect((await host.final(request)).stage).toBe("SUCCEEDED");
  });

  test("an attempt that gets lost is neither listed nor reported", async () => {
    const { clock, runner, host } = await fakeRunner();
    expect(await runner.start(startRequest({ lost: true }))).toEqual({ state: "STARTED" });
    await clock.advance(0);
    expect([await runner.list(), host.reports, clock.waiting]).toEqual([[], [], 0]);
  });

  test("every report comes twice when doubled", async () => {
    const { clock, runner, host } = await fakeRunner();
    await runner.start(startRequest({ duration: "1s", doubled: true }));
    await clock.advance(0);
    await clock.advance(1000);
    expect(host.reports.map(({ stage }) => stage)).toEqual(["ACTIVE", "ACTIVE", "SUCCEEDED", "SUCCEEDED"]);
  });

  test("a late report follows the last one", async () => {
    const { clock, runner, host } = await fakeRunner();
    await runner.start(startRequest({ lateReport: "FAILED" }));
    await clock.advance(0);
    expect(host.reports.map(({ stage }) => stage)).toEqual(["SUCCEEDED", "FAILED"]);
  });

  test("the result comes before the start returned when asked", async () => {
    const { runner, host } = await fakeRunner();
    const starting = runner.start(startRequest({ reportsBeforeStart: true }));
    const order: string[] = [];
    const report = host.report.bind(host);
    host.report = async (what) => {
      order.push(what.stage);
      await report(what);
    };
    await starting.then(() => order.push("started"));
    expect(order).toEqual(["SUCCEEDED", "started"]);
  });

  test("work that ignores a stop ends by itself", async () => {
    const { clock, runner, host } = await fakeRunner();
    const request = startRequest({ duration: "1s", ignoreStop: true });
    await runner.start(request);
    expect(await runner.stop(request, { graceMs: 10 })).toBe("STOPPING");
    await clock.advance(1000);
    expect(host.reports.map(({ stage }) => stage)).toEqual(["ACTIVE", "SUCCEEDED"]);
  });

  test("work that ignores a stop is ended by one without grace", async () => {
    const { clock, runner, host } = await fakeRunner();
    const request = startRequest({ duration: "1h", ignoreStop: true });
    await runner.start(request);
    await runner.stop(request, { graceMs: 0 });
    await clock.advance(0);
    expect(host.reports.map(({ stage }) => stage)).toEqual(["ACTIVE", "CANCELED"]);
  });

  test("the first attempts fail as often as asked, with the reason; the next ends as asked without it", async () => {
    const { runner, host } = await fakeRunner();
    const first = startRequest({ failsFirst: 2, reason: "EXIT_CODE", message: "exited with 1" });
    const reports = [1, 2, 3].map(async (attempt) => {
      await runner.start({ ...first, attempt });
      const { stage, reason, message } = await host.final({ ...first, attempt });
      return [stage, reason, message];
    });
    expect(await Promise.all(reports)).toEqual([
      ["FAILED", "EXIT_CODE", "exited with 1"],
      ["FAILED", "EXIT_CODE", "exited with 1"],
      ["SUCCEEDED", undefined, undefined],
    ]);
  });

  test("names what is wrong with a spec", async () => {
    const { runner } = await fakeRunner();
    await expect(runner.start(startRequest({ durations: "1s" }))).rejects.toThrow(/runnerSpec.*durations/);
  });
});
