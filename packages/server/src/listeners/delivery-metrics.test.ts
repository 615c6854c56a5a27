// What `/metrics` says of deliveries.

import { afterEach, beforeEach, expect, test } from "vitest";
import { Metrics } from "../http/metrics.ts";
import { deliveryMetrics } from "./delivery-metrics.ts";
import { type OutboxRig, openOutboxRig } from "./testing/outbox-rig.ts";
import { Receiver } from "./testing/receiver.ts";

let receiver: Receiver;
let rig: OutboxRig;

beforeEach(async () => {
  receiver = await Receiver.open();
  rig = await openOutboxRig();
});
afterEach(async () => {
  await rig.close();
  await receiver.close();
});

/** The lines about deliveries, without sums of times. */
async function lines(metrics: Metrics): Promise<string[]> {
  const { text } = await metrics.text();
  return text.split("\n").filter((line) => /^(# TYPE )?mflow_deliver/.test(line) && !line.includes("_sum"));
}

test("attempts, deliveries, deaths and latency are counted by kind, and what waits is told", async () => {
  receiver.behaviour = ({ path }) => (path === "/dead" ? 404 : receiver.received.length === 1 ? 500 : 200);
  await rig.tell(await rig.addRun({ webhooks: [{ url: receiver.url() }] }), ["ACTIVE", "CANCELED"]);
  await rig.settled();
  const { dispatcher } = rig.listeners;
  const pending = async () =>
    (await deliveryMetrics(dispatcher.figures, rig.store.deliveries)).find(
      ({ name }) => name === "mflow_deliveries_pending",
    )?.values;
  expect(await pending()).toEqual([{ labels: { kind: "WEBHOOK" }, value: 0 }]);
  await rig.tell(await rig.addRun({ webhooks: [{ url: receiver.url("/dead") }] }), ["ACTIVE"]);
  await rig.settled();
  await dispatcher.stop();
  await rig.tell(await rig.addRun({ webhooks: [{ url: receiver.url() }] }), ["ACTIVE", "CANCELED"]);
  const metrics = new Metrics(
    () => [],
    () => deliveryMetrics(dispatcher.figures, rig.store.deliveries),
  );
  await lines(metrics);
  const said = await lines(metrics);
  expect(said.filter((line) => !line.includes("_bucket"))).toEqual([
    "# TYPE mflow_delivery_attempts_total counter",
    'mflow_delivery_attempts_total{kind="WEBHOOK"} 4',
    "# TYPE mflow_deliveries_delivered_total counter",
    'mflow_deliveries_delivered_total{kind="WEBHOOK"} 2',
    "# TYPE mflow_deliveries_dead_total counter",
    'mflow_deliveries_dead_total{kind="WEBHOOK"} 1',
    "# TYPE mflow_deliveries_pending gauge",
    'mflow_deliveries_pending{kind="WEBHOOK"} 2',
    "# TYPE mflow_delivery_latency_seconds histogram",
    'mflow_delivery_latency_seconds_count{kind="WEBHOOK"} 2',
  ]);
  const buckets = said
    .filter((line) => line.includes("_bucket"))
    .map((line) => Number(line.split(" ").at(-1)));
  expect(buckets).toEqual(buckets.toSorted((a, b) => a - b));
  expect(said).toContain('mflow_delivery_latency_seconds_bucket{kind="WEBHOOK",le="+Inf"} 2');
  expect(said).toContain('mflow_delivery_latency_seconds_bucket{kind="WEBHOOK",le="60"} 2');
});
