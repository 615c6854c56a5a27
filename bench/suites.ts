// All benchmarks, in the order of the table of figures.

import type { Benchmark } from "./benchmark.ts";

export interface Suite {
  benchmarks: readonly Benchmark[];
  /** Removes what the passes shared. */
  close?: () => Promise<void>;
}

/** Loaded one by one, so that none measures what the others need. */
export const suites: readonly (() => Promise<Suite>)[] = [
  () => import("./engine.ts"),
  () => import("./queue.ts"),
  () => import("./plan.ts"),
  () => import("./shell.ts"),
  () => import("./status-calls.ts"),
  () => import("./lists.ts"),
  () => import("./outbox.ts"),
  () => import("./process.ts"),
  () => import("./kubernetes-tasks.ts"),
  () => import("./kubernetes-memory.ts"),
];
