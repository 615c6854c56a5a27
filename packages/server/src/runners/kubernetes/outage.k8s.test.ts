// What goes wrong between mflow and the API server: nothing is lost, and nothing runs twice.

import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, test, vi } from "vitest";
import type { Runner, StartRequest } from "../runner.ts";
import { RecordingHost } from "../testing/recording-host.ts";
import { GOES_ON, KubePlace, scriptJob, WITH_PASSWORD } from "./testing/kube-place.ts";
import { KubeProxy } from "./testing/kube-proxy.ts";
import { persistently } from "./testing/persistently.ts";
import { PodCounter } from "./testing/pod-counter.ts";

/** A place of its own for each outage: they happen at the same time. */
class Outage {
  readonly host = new RecordingHost();
  readonly place: KubePlace;
  readonly proxy: KubeProxy;
  readonly counter: PodCounter;
  readonly runner: Runner;

  private constructor(place: KubePlace, proxy: KubeProxy) {
    this.place = place;
    this.proxy = proxy;
    this.counter = new PodCounter(place.client, place.namespace);
    this.runner = place.runner();
  }

  static async make(): Promise<Outage> {
    const proxy = await KubeProxy.make();
    const settings = { keepFor: "0s", keepFailedFor: "0s", kubeconfig: proxy.kubeconfig() };
    const outage = new Outage(await KubePlace.make(settings), proxy);
    await outage.runner.open(outage.host);
    return outage;
  }

  async dispose(): Promise<void> {
    this.proxy.thaw();
    await this.runner.close();
    await this.counter.close();
    await this.proxy.close();
    await this.place.dispose();
  }

  /** Starts as the engine does. */
  async start(request: StartRequest): Promise<void> {
    await persistently(() => this.runner.start(request));
  }

  /** Stops as the engine does. */
  stop(request: StartRequest): Promise<string> {
    return persistently(() => this.runner.stop(request, { graceMs: 1000 }));
  }

  async ended(request: StartRequest) {
    const { stage, reason, runtimeEnvs } = await this.host.final(request, 90_000);
    return { stage, reason, runtimeEnvs, log: this.host.texts(request) };
  }

  async nothingIsLeft(): Promise<void> {
    const { place } = this;
    // `expect.poll` cannot be used by tests that run side by side.
    const nothing = async () => {
      expect(await place.left()).toEqual([]);
      expect([...place.attempts.rows.values()].map(({ body }) => body)).toEqual([]);
    };
    await vi.waitFor(nothing, { timeout: 60_000, interval: 200 });
  }
}

/** Numbered lines over so many seconds, and an output. */
function lines(count: number, seconds: number) {
  const pause = (seconds / count).toFixed(3);
  return scriptJob(
    `i=1; while [ $i -le ${count} ]; do echo "line $i"; i=$((i+1)); sleep ${pause}; done; echo "SEEN=${count}" > /dev/termination-log`,
  );
}

/** How such a task ends. */
const whole = (count: number) => ({
  ...{ stage: "SUCCEEDED", reason: undefined, runtimeEnvs: { SEEN: String(count) } },
  log: Array.from({ length: count }, (_, index) => `stdout main| line ${index + 1}`),
});

describe.concurrent("the API server does not answer for 20 s: what is being created, runs, ends and is canceled meanwhile comes to its right end, once", () => {
  test.each(["away", "frozen"])(
    "%s",
    async (how) => {
      const outage = await Outage.make();
      const { host, proxy, runner, counter } = outage;
      try {
        const request = (spec: Record<string, unknown>, more = {}) => outage.place.request(spec, more);
        const running = request(lines(300, 30), WITH_PASSWORD);
        const ending = Array.from({ length: 4 }, () => request(lines(120, 12)));
        const failing = request(scriptJob("echo begun; sleep 12; echo end; exit 3"));
        const canceled = request(GOES_ON);
        const canceledBefore = request(
          scriptJob("trap 'sleep 5; exit 0' TERM; echo begun; sleep 3600 & wait"),
        );
        const first = [running, ...ending, failing, canceled, canceledBefore];
        await Promise.all(first.map((each) => outage.start(each)));
        for (const each of first) await host.logged(each, "");
        expect(await outage.stop(canceledBefore)).toBe("STOPPING");
        const creating = Array.from({ length: 4 }, () => request(lines(20, 2), WITH_PASSWORD));
        const under = creating.slice(0, 2).map((each) => outage.start(each));

        const end = Date.now() + 20_000;
        if (how === "away") await proxy.away();
        else proxy.freeze();
        under.push(...creating.slice(2).map((each) => outage.start(each)));
        const stopped = outage.stop(canceled);
        const known = new Set((await runner.list()).map(({ taskId }) => taskId));
        // On a busy node some may have ended before the last of them began.
        expect(first.filter((each) => !known.has(each.taskId) && !host.finalOf(each))).toEqual([]);
        if (how === "away") {
          const told = await host.reported(creating[3] as StartRequest, "CREATING");
          expect(told.message).toMatch(/^the API server https:\S+ cannot be reached: nothing listens there/);
        }
        await delay(end - Date.now());
        if (how === "away") await proxy.back();
        else proxy.thaw();

        await Promise.all(under);
        expect(await stopped).toBe("STOPPING");
        for (const each of ending) expect(await outage.ended(each)).toEqual(whole(120));
        for (const each of creating) expect(await outage.ended(each)).toEqual(whole(20));
        expect(await outage.ended(failing)).toMatchObject({
          ...{ stage: "FAILED", reason: "EXIT_CODE" },
          log: ["stdout main| begun", "stdout main| end"],
        });
        for (const each of [canceled, canceledBefore])
          expect(await outage.ended(each)).toMatchObject({ stage: "CANCELED", log: ["stdout main| begun"] });
        expect(await outage.ended(running)).toEqual(whole(300));
        await outage.nothingIsLeft();
        for (const { taskId } of [...first, ...creating]) {
          expect({ taskId, ...counter.of(taskId) }).toEqual({ taskId, jobs: 1, pods: 1 });
        }
      } finally {
        await outage.dispose();
      }
    },
    240_000,
  );
});
