// What goes wrong between mflow and the API server: nothing is lost, and nothing runs twice.

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Runner, StartRequest } from "../runner.ts";
import { RecordingHost } from "../testing/recording-host.ts";
import { KubePlace, scriptJob } from "./testing/kube-place.ts";
import { KubeProxy } from "./testing/kube-proxy.ts";

let place: KubePlace;
let proxy: KubeProxy;
let runner: Runner;
let host: RecordingHost;
/** How often pods were seen, by task. */
let pods: Map<string, Set<string>>;
const watching = { timer: undefined as NodeJS.Timeout | undefined };

beforeEach(async () => {
  proxy = await KubeProxy.make();
  place = await KubePlace.make({ keepFor: "0s", keepFailedFor: "0s" });
  place.spec = { ...place.spec, kubeconfig: proxy.kubeconfig() };
  host = new RecordingHost();
  runner = place.runner();
  await runner.open(host);
  pods = new Map();
  watching.timer = setInterval(() => void countPods().catch(() => {}), 250);
});
afterEach(async () => {
  clearInterval(watching.timer);
  proxy.meddle = () => undefined;
  proxy.thaw();
  await runner.close();
  await proxy.close();
  await place.dispose();
});

/** Notes each pod by its uid, past the proxy. */
async function countPods(): Promise<void> {
  type Pod = { metadata: { uid: string; labels: Record<string, string> } };
  for (const { metadata } of await place.items<Pod>(place.podsPath)) {
    const task = metadata.labels["mflow.dev/task-id"] ?? "";
    const known = pods.get(task) ?? new Set();
    pods.set(task, known.add(metadata.uid));
  }
}

/** Starts as the engine does: again and again while it may help. */
async function start(request: StartRequest, deadline = Date.now() + 60_000): Promise<void> {
  for (;;) {
    try {
      await runner.start(request);
      return;
    } catch (error) {
      if ((error as Error).name !== "RetryableStartError" || Date.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
  }
}

/** Stops as the engine does. */
async function stop(request: StartRequest, deadline = Date.now() + 60_000): Promise<string> {
  for (;;) {
    try {
      return await runner.stop(request, { graceMs: 1000 });
    } catch (error) {
      if ((error as Error).name !== "RetryableStartError" || Date.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
  }
}

/** Numbered lines over so many seconds, and an output. */
function lines(count: number, seconds: number) {
  const pause = (seconds / count).toFixed(3);
  return scriptJob(
    `i=1; while [ $i -le ${count} ]; do echo "line $i"; i=$((i+1)); sleep ${pause}; done; echo "SEEN=${count}" > /dev/termination-log`,
  );
}

const numbered = (count: number) =>
  Array.from({ length: count }, (_, index) => `stdout main| line ${index + 1}`);

async function nothingIsLeft(): Promise<void> {
  await expect
    .poll(async () => {
      const [jobs, left] = await Promise.all([place.items(place.jobsPath), place.items(place.podsPath)]);
      const secrets = await place.items<{ type: string; metadata: { name: string } }>(place.secretsPath);
      return [...jobs, ...left, ...secrets.filter(({ type }) => type === "Opaque")].map(
        ({ metadata }) => metadata.name,
      );
    })
    .toEqual([]);
  await expect.poll(() => [...place.attempts.rows.values()].map(({ body }) => body)).toEqual([]);
}

describe.each(["away", "frozen"])("the API server is %s for 20 s", (how) => {
  async function outage(during: () => Promise<void>): Promise<void> {
    const end = Date.now() + 20_000;
    if (how === "away") await proxy.away();
    else proxy.freeze();
    await during();
    await expect.poll(() => Date.now() > end, { timeout: 25_000 }).toBe(true);
    if (how === "away") await proxy.back();
    else proxy.thaw();
  }

  test("what is being created, runs, ends and is canceled meanwhile comes to its right end, once", async () => {
    const secret = { env: { PASSWORD: "correct horse" }, secretEnv: ["PASSWORD"] };
    const running = place.request(lines(300, 30), secret);
    const ending = Array.from({ length: 4 }, () => place.request(lines(60, 6)));
    const failing = place.request(scriptJob("echo begun; sleep 8; echo end; exit 3"));
    const canceled = place.request(scriptJob("trap 'exit 0' TERM; echo begun; sleep 3600 & wait"));
    const canceledBefore = place.request(
      scriptJob("trap 'sleep 5; exit 0' TERM; echo begun; sleep 3600 & wait"),
    );
    const first = [running, ...ending, failing, canceled, canceledBefore];
    await Promise.all(first.map((request) => start(request)));
    for (const request of first) await host.logged(request, request === running ? "line 1" : "");
    expect(await stop(canceledBefore)).toBe("STOPPING");
    const creating = Array.from({ length: 4 }, () => place.request(lines(20, 2), secret));
    const under = creating.slice(0, 2).map((request) => start(request));
    let stopped: Promise<string> | undefined;
    await outage(async () => {
      under.push(...creating.slice(2).map((request) => start(request)));
      stopped = stop(canceled);
      const known = new Set((await runner.list()).map(({ taskId }) => taskId));
      for (const { taskId } of first) expect(known.has(taskId)).toBe(true);
      if (how === "away") {
        const told = await host.reported(creating[3] as StartRequest, "CREATING");
        expect(told.message).toMatch(/^the API server https:\S+ did not answer: /);
      }
    });
    await Promise.all(under);
    expect(await stopped).toBe("STOPPING");
    const ended = async (request: StartRequest) => {
      const { stage, reason, runtimeEnvs } = await host.until(
        () => host.reportsOf(request).find((one) => ["SUCCEEDED", "FAILED", "CANCELED"].includes(one.stage)),
        90_000,
      );
      return { stage, reason, runtimeEnvs, log: host.texts(request) };
    };
    const whole = (count: number) => ({
      ...{ stage: "SUCCEEDED", reason: undefined, runtimeEnvs: { SEEN: String(count) } },
      log: numbered(count),
    });
    for (const request of ending) expect(await ended(request)).toEqual(whole(60));
    for (const request of creating) expect(await ended(request)).toEqual(whole(20));
    expect(await ended(failing)).toMatchObject({
      ...{ stage: "FAILED", reason: "EXIT_CODE" },
      log: ["stdout main| begun", "stdout main| end"],
    });
    if (process.env.DEBUG_W) console.log(place.warnings.join("\n"));
    for (const request of [canceled, canceledBefore])
      expect(await ended(request)).toMatchObject({ stage: "CANCELED", log: ["stdout main| begun"] });
    expect(await ended(running)).toEqual(whole(300));
    await nothingIsLeft();
    const all = [...first, ...creating];
    expect(all.map(({ taskId }) => pods.get(taskId)?.size)).toEqual(all.map(() => 1));
  });
});
