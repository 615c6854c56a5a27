// What is counted of deliveries, by kind of channel, since the server started.

import type { DeliveryKind } from "@mflow/core/schema/delivery";

/** Upper bounds of the latency buckets, seconds: from the commit of what a message tells to its arrival. */
export const LATENCY_BUCKETS = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60, 600, 3600, 86_400] as const;

export interface KindFigures {
  attempts: number;
  delivered: number;
  dead: number;
  /** How many arrived within each of `LATENCY_BUCKETS`; each counts in all that it is below. */
  within: number[];
  /** Sum of the latencies, seconds. */
  latencySeconds: number;
}

export class DeliveryFigures {
  readonly #kinds = new Map<DeliveryKind, KindFigures>();

  attempted(kind: DeliveryKind): void {
    this.#of(kind).attempts++;
  }

  delivered(kind: DeliveryKind, seconds: number): void {
    const figures = this.#of(kind);
    figures.delivered++;
    figures.latencySeconds += seconds;
    for (const [index, bound] of LATENCY_BUCKETS.entries()) {
      if (seconds <= bound) figures.within[index] = (figures.within[index] ?? 0) + 1;
    }
  }

  dead(kind: DeliveryKind): void {
    this.#of(kind).dead++;
  }

  /** By kind, in order of first use. */
  all(): ReadonlyMap<DeliveryKind, KindFigures> {
    return this.#kinds;
  }

  #of(kind: DeliveryKind): KindFigures {
    let figures = this.#kinds.get(kind);
    if (!figures) {
      const within = LATENCY_BUCKETS.map(() => 0);
      figures = { attempts: 0, delivered: 0, dead: 0, within, latencySeconds: 0 };
      this.#kinds.set(kind, figures);
    }
    return figures;
  }
}
