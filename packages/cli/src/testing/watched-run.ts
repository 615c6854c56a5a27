// Runs and tasks for tests of views, with what matters to the test and nothing else to write.

import type { JobTaskView } from "@mflow/core/schema/api";
import type { Gate } from "@mflow/core/schema/gate";
import type { TaskStage } from "@mflow/core/schema/job-task";
import type { PipelineTask, RunStage } from "@mflow/core/schema/pipeline-task";
import type { Watched } from "../view/watched.ts";

/** Noon of a day, and times after it in seconds. */
export const START = Date.parse("2026-03-01T12:00:00.000Z");

export function at(seconds: number): string {
  return new Date(START + seconds * 1000).toISOString();
}

export interface TaskSketch {
  name: string;
  stage?: TaskStage;
  /** Seconds after the start. */
  from?: number;
  to?: number;
  reason?: string;
  message?: string;
  waitingFor?: string;
  audit?: Gate;
  confirm?: Gate;
  reported?: "SUCCEEDED" | "FAILED";
}

const SCOPE = { domain: "default", namespace: "default" };
const RECORD = { createdAt: at(0), updatedAt: at(0), revision: 1 };

let made = 0;

export function taskOf(sketch: TaskSketch, stageName?: string, stageNumber?: number): JobTaskView {
  made++;
  return {
    ...SCOPE,
    ...RECORD,
    id: `task-${String(made).padStart(26, "0")}`,
    name: sketch.name,
    stageName,
    stageNumber,
    job: { id: "job-1", name: sketch.name, version: "v1" },
    runnerType: "FAKE",
    attempt: 1,
    audit: sketch.audit,
    confirm: sketch.confirm,
    startedBy: "alice",
    waitingFor: sketch.waitingFor,
    status: {
      stage: sketch.stage ?? "PENDING",
      reason: sketch.reason,
      message: sketch.message,
      startAt: sketch.from === undefined ? undefined : at(sketch.from),
      endAt: sketch.to === undefined ? undefined : at(sketch.to),
      reported: sketch.reported && { stage: sketch.reported, at: at(0) },
    },
  };
}

export function waitingGate(people: string[], change: Partial<Gate> = {}): Gate {
  return { people, required: 1, allowSelf: false, stage: "WAITING", decisions: [], ...change };
}

/** A run of stages by name; ids of tasks count from 1. */
export function runOf(
  stages: Record<string, TaskSketch[]>,
  status: { stage?: RunStage; to?: number; message?: string; name?: string; canceledBy?: string } = {},
): Watched {
  made = 0;
  const run: PipelineTask = {
    ...SCOPE,
    ...RECORD,
    id: `run-${"0".repeat(25)}1`,
    name: status.name ?? "release",
    triggerMode: "MANUAL",
    runBy: "alice",
    status: {
      stage: status.stage ?? "ACTIVE",
      message: status.message,
      canceledBy: status.canceledBy,
      startAt: at(0),
      endAt: status.to === undefined ? undefined : at(status.to),
      progress: { tasks: 0, open: 0, ended: 0 },
    },
  };
  const tasks = Object.entries(stages).flatMap(([name, sketches], index) =>
    sketches.map((sketch) => taskOf(sketch, name, index + 1)),
  );
  return { run, tasks };
}

/** A task that runs alone. */
export function loneTask(sketch: TaskSketch): Watched {
  made = 0;
  return { tasks: [taskOf(sketch)] };
}
