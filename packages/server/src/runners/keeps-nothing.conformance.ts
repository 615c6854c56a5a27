// What every runner does that keeps nothing itself: each sentence of the contract in runner.ts on `resume`, tested.

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { attemptKey } from "./attempt-key.ts";
import { type AttemptRef, RetryableStartError, type Runner, type StartRequest } from "./runner.ts";
import { RecordingHost } from "./testing/recording-host.ts";
import { startRequest } from "./testing/start-request.ts";

/** The rows that a runner of this kind is told by. */
export interface RowsPlace {
  /** A runner as a server has it after each of its starts. Not opened yet. */
  runner(): Runner;
  /** Makes the row of an attempt that is wanted, as the engine does before it starts it. */
  wanted(ref: AttemptRef): void;
  /** How often the work of an attempt was begun; absent where there is no work. */
  begun?(ref: AttemptRef): number;
  specs: { goesOn: Record<string, unknown>; refused: Record<string, unknown> };
}

export function describeRunnerThatKeepsNothing(name: string, makePlace: () => RowsPlace): void {
  describe(`${name} keeps nothing, and the contract of runners`, () => {
    let place: RowsPlace;
    let runner: Runner;
    let host: RecordingHost;

    beforeEach(async () => {
      place = makePlace();
      runner = place.runner();
      host = new RecordingHost();
      await runner.open(host);
    });
    afterEach(() => runner.close());

    /** The server dies and comes again; the rows are all that is left. */
    async function restart(): Promise<void> {
      await runner.close();
      runner = place.runner();
      host = new RecordingHost();
      await runner.open(host);
    }

    function wantedRequest(spec = place.specs.goesOn): StartRequest {
      const request = startRequest(spec);
      place.wanted(request);
      return request;
    }

    function expectBegun(ref: AttemptRef, times: number): void {
      if (place.begun) expect(place.begun(ref)).toBe(times);
    }

    test("reports that the work goes on, and that there is no log to wait for", async () => {
      const request = wantedRequest();
      expect((await runner.start(request)).state).toBe("STARTED");
      expect(host.reportsOf(request).map(({ stage }) => stage)).toEqual(["ACTIVE"]);
      expect([host.lines(request), host.isFinished(request)]).toEqual([[], true]);
    });

    test("begins nothing twice, also not after a restart", async () => {
      const request = wantedRequest();
      await runner.start(request);
      await runner.start(request);
      await restart();
      expect(["STARTED", "EXISTS"]).toContain((await runner.start(request)).state);
      expectBegun(request, 1);
    });

    test("names no attempt, for the rows do", async () => {
      await runner.start(wantedRequest());
      expect(await runner.list()).toEqual([]);
    });

    test("does not start what is not wanted any more: the row is the tombstone", async () => {
      const request = wantedRequest();
      expect(await runner.stop(request, { graceMs: 1000 })).toBe("GONE");
      host.over.add(attemptKey(request));
      expect(await runner.start(request)).toEqual({ state: "STOPPED" });
      expectBegun(request, 0);
      expect(host.reports).toEqual([]);
    });

    test("takes up after a restart what goes on, and reports nothing of it", async () => {
      const request = wantedRequest();
      await runner.start(request);
      await restart();
      await runner.resume?.(request);
      expect([runner.resume !== undefined, host.reports]).toEqual([true, []]);
      expect(["GONE", "STOPPING"]).toContain(await runner.stop(request, { graceMs: 1000 }));
    });

    test("refuses for good what cannot work, with a sentence", async () => {
      const error = await runner
        .start(wantedRequest(place.specs.refused))
        .catch((refusal: unknown) => refusal);
      expect(error).toBeInstanceOf(Error);
      expect(error).not.toBeInstanceOf(RetryableStartError);
      expect((error as Error).message).toMatch(/\w+ \w+/);
      expect(host.reports).toEqual([]);
    });

    test("a start whose report is not accepted is tried again", async () => {
      const request = wantedRequest();
      host.refuse = 1;
      await expect(runner.start(request)).rejects.toThrow();
      await runner.start(request);
      expectBegun(request, 1);
      expect(host.reportsOf(request).map(({ stage }) => stage)).toEqual(["ACTIVE"]);
    });

    test("once it is closed a start can be tried in the next life", async () => {
      await runner.close();
      await expect(runner.start(wantedRequest())).rejects.toBeInstanceOf(RetryableStartError);
    });
  });
}
