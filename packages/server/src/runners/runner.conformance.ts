// What every runner does: each sentence of the contract in runner.ts, tested.

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { RetryableStartError, type Runner, type StartRequest } from "./runner.ts";
import { RecordingHost } from "./testing/recording-host.ts";
import { freshTaskId, startRequest } from "./testing/start-request.ts";

/** A place where a runner's work lives, and how a runner of this kind is told what to do. */
export interface RunnerPlace {
  /** A runner that works on the place, as a server has it after each of its starts. Not opened yet. */
  runner(): Runner;
  /** Work and tombstones survive a restart of the server. */
  durable: boolean;
  /** Work can put out markdown without a call. */
  markdown: boolean;
  specs: {
    /** Succeeds soon. */
    succeeds: Record<string, unknown>;
    /** Fails soon. */
    fails: Record<string, unknown>;
    /** Goes on until it is stopped. */
    goesOn: Record<string, unknown>;
    /** Goes on also when it is asked to end; only a stop without grace, or whose grace is over, ends it. */
    ignoresStop: Record<string, unknown>;
    /** Logs the lines `one` and `two`, then succeeds. */
    logs: Record<string, unknown>;
    /** Puts out `VERSION=1.2` and, where it can, the markdown `# done`. */
    putsOut: Record<string, unknown>;
    /** Refused for good. */
    refused: Record<string, unknown>;
  };
  dispose(): Promise<void>;
}

export function describeRunner(name: string, makePlace: () => Promise<RunnerPlace>): void {
  describe(`${name} keeps the contract of runners`, () => {
    let place: RunnerPlace;
    let runner: Runner;
    let host: RecordingHost;

    beforeEach(async () => {
      place = await makePlace();
      runner = place.runner();
      host = new RecordingHost();
      await runner.open(host);
    });
    afterEach(async () => {
      await runner.close();
      await place.dispose();
    });

    /** The server goes and comes again; what was reported before is no longer looked at. */
    async function restart(): Promise<void> {
      await runner.close();
      runner = place.runner();
      host = new RecordingHost();
    }

    /** Work that goes on, and work that has ended while nobody accepts any report. */
    async function oneGoesOnOneEnded(): Promise<{ running: StartRequest; ended: StartRequest }> {
      const running = startRequest(place.specs.goesOn);
      await runner.start(running);
      await host.reported(running, "ACTIVE");
      host.refuse = Number.POSITIVE_INFINITY;
      const ended = startRequest(place.specs.succeeds);
      await runner.start(ended);
      await host.until(() => host.refused.find(({ stage }) => stage === "SUCCEEDED"));
      return { running, ended };
    }

    test("reports that work succeeded, when it began and when it ended", async () => {
      const request = startRequest(place.specs.succeeds);
      expect(await runner.start(request)).toEqual({ state: "STARTED" });
      const report = await host.final(request);
      expect(report.stage).toBe("SUCCEEDED");
      expect(Date.parse(report.startAt ?? "")).toBeLessThanOrEqual(Date.parse(report.at));
    });

    test("reports that work failed, with a reason and a message", async () => {
      const request = startRequest(place.specs.fails);
      await runner.start(request);
      const report = await host.final(request);
      expect({ ...report, reason: typeof report.reason, message: typeof report.message }).toMatchObject({
        stage: "FAILED",
        reason: "string",
        message: "string",
      });
    });

    test("hands over what the work puts out", async () => {
      const request = startRequest(place.specs.putsOut);
      await runner.start(request);
      const { stage, runtimeEnvs, markdownOutput } = await host.final(request);
      expect({ stage, runtimeEnvs, markdownOutput: markdownOutput?.trim() }).toEqual({
        stage: "SUCCEEDED",
        runtimeEnvs: { VERSION: "1.2" },
        markdownOutput: place.markdown ? "# done" : undefined,
      });
    });

    test("hands over the whole log, numbered from 1, before the result", async () => {
      const request = startRequest(place.specs.logs);
      const complete: boolean[] = [];
      const report = host.report.bind(host);
      host.report = async (what) => {
        if (what.stage === "SUCCEEDED") complete.push(host.isFinished(request));
        await report(what);
      };
      await runner.start(request);
      await host.final(request);
      expect(host.lines(request).map(({ line, stream, text }) => ({ line, stream, text }))).toEqual([
        { line: 1, stream: "stdout", text: "one" },
        { line: 2, stream: "stdout", text: "two" },
      ]);
      expect(complete).toEqual([true]);
    });

    test("finishes the log of an attempt that logs nothing", async () => {
      const request = startRequest(place.specs.succeeds);
      await runner.start(request);
      await host.final(request);
      expect([host.lines(request), host.isFinished(request)]).toEqual([[], true]);
    });

    test("a start of an attempt that exists returns it and creates nothing", async () => {
      const request = startRequest(place.specs.goesOn);
      expect(await runner.start(request)).toEqual({ state: "STARTED" });
      expect(await runner.start(request)).toEqual({ state: "EXISTS" });
      expect(await runner.list()).toEqual([{ taskId: request.taskId, attempt: 1 }]);
      await host.reported(request, "ACTIVE");
      expect(await runner.stop(request, { graceMs: 1000 })).toBe("STOPPING");
      await host.final(request);
      expect(host.reportsOf(request).map(({ stage }) => stage)).toEqual(["ACTIVE", "CANCELED"]);
    });

    test("attempts of one task are apart from each other", async () => {
      const first = startRequest(place.specs.succeeds);
      const second = { ...first, attempt: 2 };
      await runner.start(first);
      await host.final(first);
      expect(await runner.start(second)).toEqual({ state: "STARTED" });
      expect((await host.final(second)).stage).toBe("SUCCEEDED");
    });

    test("a stop of an unknown attempt makes its later start a no-op", async () => {
      const request = startRequest(place.specs.succeeds);
      expect(await runner.stop(request, { graceMs: 1000 })).toBe("GONE");
      expect(await runner.start(request)).toEqual({ state: "STOPPED" });
      expect(await runner.list()).toEqual([]);
      const next = { ...request, attempt: 2 };
      await runner.start(next);
      await host.final(next);
      expect(host.reportsOf(request)).toEqual([]);
    });

    test("a stop of work that goes on is followed by the report CANCELED", async () => {
      const request = startRequest(place.specs.goesOn);
      await runner.start(request);
      await host.reported(request, "ACTIVE");
      expect(await runner.stop(request, { graceMs: 1000 })).toBe("STOPPING");
      expect((await host.final(request)).stage).toBe("CANCELED");
    });

    test("a second stop changes nothing when its grace is not shorter", async () => {
      const request = startRequest(place.specs.goesOn);
      await runner.start(request);
      await host.reported(request, "ACTIVE");
      const answers = [await runner.stop(request, { graceMs: 1000 })];
      answers.push(await runner.stop(request, { graceMs: 1000 }));
      expect(answers).toEqual(["STOPPING", "STOPPING"]);
      await host.final(request);
      expect(host.reportsOf(request).filter(({ stage }) => stage === "CANCELED")).toHaveLength(1);
    });

    test("a second stop whose grace is shorter ends work at once that takes its time", async () => {
      const request = startRequest(place.specs.ignoresStop);
      await runner.start(request);
      await host.reported(request, "ACTIVE");
      const answers = [await runner.stop(request, { graceMs: 600_000 })];
      answers.push(await runner.stop(request, { graceMs: 0 }));
      expect(answers).toEqual(["STOPPING", "STOPPING"]);
      expect((await host.final(request)).stage).toBe("CANCELED");
    });

    test("a stop of an attempt whose result was accepted says that it is gone", async () => {
      const request = startRequest(place.specs.succeeds);
      await runner.start(request);
      await host.final(request);
      await expect.poll(() => runner.list()).toEqual([]);
      expect(await runner.stop(request, { graceMs: 1000 })).toBe("GONE");
    });

    test("repeats a result until it is accepted", async () => {
      host.refuse = 2;
      const request = startRequest(place.specs.succeeds);
      await runner.start(request);
      const report = await host.final(request);
      expect(host.refused.filter(({ stage }) => stage === "SUCCEEDED").at(-1) ?? report).toEqual(report);
      expect(host.refused).toHaveLength(2);
      await expect.poll(() => runner.list()).toEqual([]);
    });

    test("lists what runs and what has ended but was not accepted, and nothing else", async () => {
      const { running, ended } = await oneGoesOnOneEnded();
      expect(new Set((await runner.list()).map(({ taskId }) => taskId))).toEqual(
        new Set([running.taskId, ended.taskId]),
      );
      host.refuse = 0;
      await runner.stop(running, { graceMs: 1000 });
      await host.final(running);
    });

    test("refuses for good what cannot work, with a sentence, and knows no attempt then", async () => {
      const request = startRequest(place.specs.refused);
      const error = await runner.start(request).catch((refusal: unknown) => refusal);
      expect(error).toBeInstanceOf(Error);
      expect(error).not.toBeInstanceOf(RetryableStartError);
      expect((error as Error).message).toMatch(/\w+ \w+/);
      expect(await runner.list()).toEqual([]);
    });

    test("a release of what it does not know does nothing", async () => {
      await runner.release(freshTaskId());
      await runner.release(freshTaskId());
      expect(await runner.list()).toEqual([]);
    });

    test("reports nothing once it is closed", async () => {
      const request = startRequest(place.specs.goesOn);
      await runner.start(request);
      await host.reported(request, "ACTIVE");
      await runner.close();
      const before = host.reports.length;
      const after = place.runner();
      const nextHost = new RecordingHost();
      await after.open(nextHost);
      await after.stop(request, { graceMs: 1000 });
      if (place.durable) await nextHost.final(request);
      await after.close();
      expect(host.reports).toHaveLength(before);
    });

    test("a start that is under way when it is closed ends, whatever came of it", async () => {
      const request = startRequest(place.specs.succeeds);
      const starting = Promise.allSettled([runner.start(request)]);
      await runner.close();
      expect(await starting).toHaveLength(1);
    });

    test("says after a restart what it still knows", async () => {
      const { running, ended } = await oneGoesOnOneEnded();
      await restart();
      host.refuse = Number.POSITIVE_INFINITY;
      await runner.open(host);
      const known = place.durable ? [running.taskId, ended.taskId] : [];
      expect(new Set((await runner.list()).map(({ taskId }) => taskId))).toEqual(new Set(known));
      host.refuse = 0;
      if (place.durable) {
        // The result that nobody had accepted comes again; the other work still runs, and can be stopped.
        expect((await host.final(ended)).stage).toBe("SUCCEEDED");
        expect(await runner.start(running)).toEqual({ state: "EXISTS" });
        expect(await runner.stop(running, { graceMs: 1000 })).toBe("STOPPING");
        expect((await host.final(running)).stage).toBe("CANCELED");
      } else {
        expect(await runner.stop(running, { graceMs: 1000 })).toBe("GONE");
      }
    });

    test("a tombstone is as durable as the work", async () => {
      const request = startRequest(place.specs.succeeds);
      await runner.stop(request, { graceMs: 1000 });
      await restart();
      await runner.open(host);
      const state = place.durable ? "STOPPED" : "STARTED";
      expect(await runner.start(request)).toEqual({ state });
      if (!place.durable) await host.final(request);
    });
  });
}
