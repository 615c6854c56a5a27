// What `/metrics` says of deliveries, by kind of channel: what was counted since the start, and what waits in the store.

import type { DeliveryStore } from "../store/store.ts";
import { type DeliveryFigures, type KindFigures, LATENCY_BUCKETS } from "./delivery-figures.ts";

/** A metric as it stands now; a part of a histogram names itself. */
interface Metric {
  name: string;
  help: string;
  type: "counter" | "gauge" | "histogram";
  values: { metricName?: string; labels: Record<string, string | number>; value: number }[];
}

const LATENCY = "mflow_delivery_latency_seconds";

export async function deliveryMetrics(
  figures: DeliveryFigures,
  store: Pick<DeliveryStore, "targets">,
): Promise<Metric[]> {
  const kinds = [...figures.all()];
  const counter = (name: string, help: string, pick: (figures: KindFigures) => number): Metric => {
    const values = kinds.map(([kind, each]) => ({ labels: { kind }, value: pick(each) }));
    return { name, help, type: "counter", values };
  };
  return [
    counter("mflow_delivery_attempts_total", "Attempts to deliver a message.", ({ attempts }) => attempts),
    counter("mflow_deliveries_delivered_total", "Messages that arrived.", ({ delivered }) => delivered),
    counter("mflow_deliveries_dead_total", "Messages that were given up.", ({ dead }) => dead),
    await waiting(store, figures),
    {
      name: LATENCY,
      help: "Time from the commit of what a message tells of to its arrival.",
      type: "histogram",
      values: kinds.flatMap(([kind, each]) => histogramOf(kind, each)),
    },
  ];
}

/** One number per kind, over all targets; 0 for a kind of which nothing waits any more. */
async function waiting(store: Pick<DeliveryStore, "targets">, figures: DeliveryFigures): Promise<Metric> {
  const byKind = new Map<string, number>([...figures.all().keys()].map((kind) => [kind, 0]));
  for (const { kind, pending } of await store.targets()) {
    byKind.set(kind, (byKind.get(kind) ?? 0) + pending);
  }
  return {
    name: "mflow_deliveries_pending",
    help: "Messages that wait to be delivered.",
    type: "gauge",
    values: [...byKind].map(([kind, value]) => ({ labels: { kind }, value })),
  };
}

function histogramOf(kind: string, { within, delivered, latencySeconds }: KindFigures): Metric["values"] {
  const bucket = (le: string | number, value: number) => ({
    metricName: `${LATENCY}_bucket`,
    labels: { kind, le },
    value,
  });
  return [
    ...LATENCY_BUCKETS.map((bound, index) => bucket(bound, within[index] ?? 0)),
    bucket("+Inf", delivered),
    { metricName: `${LATENCY}_sum`, labels: { kind }, value: latencySeconds },
    { metricName: `${LATENCY}_count`, labels: { kind }, value: delivered },
  ];
}
