// A listener that hangs on every call holds up no run. How little it costs is the benchmark `outbox.hang`; that it does
// not wait shows everywhere, however busy the machine is.

import { Receiver } from "@mflow/server/listeners/testing/receiver";
import { expect, test } from "vitest";
import { noopStage, openEngineRig } from "./engine-rig.ts";

test("a run of 200 tasks ends as soon while every call to its listener hangs", async () => {
  const receiver = await Receiver.open();
  receiver.behaviour = () => undefined;
  const rig = await openEngineRig({ maxTasks: 200 });
  const stages = [noopStage(200)];
  const webhooks = [{ url: receiver.url(), scope: "*" as const }];
  const timed = async (more: { webhooks?: typeof webhooks }) => {
    const start = performance.now();
    await rig.run({ stages, ...more });
    return performance.now() - start;
  };
  try {
    await timed({});
    const without: number[] = [];
    const hanging: number[] = [];
    for (let round = 0; round < 3; round++) {
      without.push(await timed({}));
      hanging.push(await timed({ webhooks }));
    }
    const waiting = (await rig.store.deliveries.targets()).reduce((sum, { pending }) => sum + pending, 0);
    // Each run tells of the start and the end of its tasks; calls were made, and none was answered.
    expect(waiting).toBe(3 * 400);
    expect(receiver.received.length).toBeGreaterThan(0);
    // One hanging call alone would take 10 s.
    expect(Math.min(...hanging)).toBeLessThan(2 * Math.min(...without) + 1000);
  } finally {
    await rig.close();
    await receiver.close();
  }
});
