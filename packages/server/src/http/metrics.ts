// `/metrics` in the Prometheus text format. The library is loaded after the first answer, so that it costs
// a starting server nothing; what is measured until then waits for it.

import type { FastifyInstance, FastifyRequest } from "fastify";
import type { Histogram, Registry } from "prom-client";

/** A number as it stands now, e.g. of the engine. */
export interface Gauge {
  /** E.g. `mflow_tasks_running`. */
  name: string;
  help: string;
  value: number;
}

/** A metric with labels whose numbers are kept elsewhere, e.g. by the dispatcher. */
export interface Sampled {
  name: string;
  help: string;
  type: "counter" | "gauge" | "histogram";
  /** `metricName`: of a histogram's parts. */
  values: { metricName?: string; labels: Record<string, string | number>; value: number }[];
}

interface Loaded {
  registry: Registry;
  durations: Histogram<"method" | "route" | "status">;
  gauge(gauge: Gauge): void;
  sample(sampled: Sampled): void;
}

/**
 * What the process itself uses. The library's own set watches the event loop all the time, which an idle server
 * would pay for.
 */
function processGauges(): Gauge[] {
  const { user, system } = process.cpuUsage();
  const { rss, heapUsed } = process.memoryUsage();
  return [
    { name: "process_resident_memory_bytes", help: "Resident memory.", value: rss },
    { name: "nodejs_heap_size_used_bytes", help: "JavaScript heap in use.", value: heapUsed },
    { name: "process_cpu_seconds", help: "User and system time.", value: (user + system) / 1e6 },
    { name: "process_uptime_seconds", help: "Time since the start.", value: process.uptime() },
  ];
}

async function load(): Promise<Loaded> {
  const { default: prometheus } = await import("prom-client");
  const registry = new prometheus.Registry();
  const durations = new prometheus.Histogram({
    name: "mflow_http_request_duration_seconds",
    help: "Time from a request's arrival to the end of its answer.",
    labelNames: ["method", "route", "status"] as const,
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5],
    registers: [registry],
  });
  const gauges = new Map<string, InstanceType<typeof prometheus.Gauge>>();
  const gauge = ({ name, help, value }: Gauge) => {
    let known = gauges.get(name);
    if (!known) {
      known = new prometheus.Gauge({ name, help, registers: [registry] });
      gauges.set(name, known);
    }
    known.set(value);
  };
  const samples = new Map<string, Sampled>();
  const sample = (sampled: Sampled) => {
    const { name } = sampled;
    if (!samples.has(name)) {
      // The library's own metrics count by themselves; it prints whatever answers like one of them.
      const metric = { name, get: async () => samples.get(name) };
      registry.registerMetric(metric as unknown as Parameters<Registry["registerMetric"]>[0]);
    }
    samples.set(name, sampled);
  };
  return { registry, durations, gauge, sample };
}

export class Metrics {
  #loading: Promise<Loaded> | undefined;
  #loaded: Loaded | undefined;
  readonly #gauges: () => Gauge[];
  readonly #samples: () => Promise<Sampled[]>;

  constructor(gauges: () => Gauge[], samples: () => Promise<Sampled[]> = async () => []) {
    this.#gauges = gauges;
    this.#samples = samples;
  }

  #load(): Promise<Loaded> {
    this.#loading ??= load().then((loaded) => {
      this.#loaded = loaded;
      return loaded;
    });
    return this.#loading;
  }

  /** Counts an answered request. The route is its pattern, so that ids make no new series. */
  observe(request: FastifyRequest, status: number, seconds: number): void {
    const labels = { method: request.method, route: request.routeOptions.url ?? "unknown", status };
    if (this.#loaded) this.#loaded.durations.observe(labels, seconds);
    else void this.#load().then(({ durations }) => durations.observe(labels, seconds));
  }

  /** The metrics as text, and its content type. */
  async text(): Promise<{ text: string; contentType: string }> {
    const { registry, gauge, sample } = await this.#load();
    for (const one of await this.#samples()) sample(one);
    for (const one of [...processGauges(), ...this.#gauges()]) gauge(one);
    return { text: await registry.metrics(), contentType: registry.contentType };
  }
}

/** Measures every answer of an app. */
export function useMetrics(app: FastifyInstance, metrics: Metrics): void {
  app.addHook("onResponse", (request, reply, done) => {
    metrics.observe(request, reply.statusCode, reply.elapsedTime / 1000);
    done();
  });
}
