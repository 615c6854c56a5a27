// What `/metrics` says of the clusters that are in use, by name.

import type { ClusterFigures } from "../kubernetes-runner.ts";

/** A gauge as it stands now. */
interface Metric {
  name: string;
  help: string;
  type: "gauge";
  values: { labels: Record<string, string | number>; value: number }[];
}

export function clusterMetrics(figures: readonly ClusterFigures[]): Metric[] {
  const gauge = (name: string, help: string, pick: (figures: ClusterFigures) => number): Metric => ({
    ...{ name, help, type: "gauge" },
    values: figures.map((each) => ({ labels: { cluster: each.cluster }, value: pick(each) })),
  });
  return [
    gauge("mflow_cluster_tasks_running", "Tasks that have a place in a cluster.", ({ held }) => held),
    gauge(
      "mflow_cluster_tasks_waiting",
      "Tasks that wait for a place in a cluster.",
      ({ waiting }) => waiting,
    ),
    gauge(
      "mflow_cluster_watched",
      "1: what happens in a cluster is heard; 0: it is away.",
      ({ isWatched }) => (isWatched ? 1 : 0),
    ),
  ];
}
