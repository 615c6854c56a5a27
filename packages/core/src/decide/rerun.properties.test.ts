// Over random pipelines: a rerun never repeats what it said it keeps, and runs everything that it said it runs, or skips
// it by a condition.

import fc from "fast-check";
import { expect, test } from "vitest";
import { type AgainTask, againTasks } from "../again.ts";
import { MflowError } from "../errors.ts";
import type { JobTask } from "../schema/job-task.ts";
import type { PipelineSpec, StageSpec, TaskSpec } from "../schema/pipeline.ts";
import type { RerunRequest } from "../schema/request.ts";
import type { Decision } from "../state.ts";
import { Invariants } from "../testing/invariants.ts";
import type { Play } from "../testing/play.ts";
import {
  changeOf,
  driveToEnd,
  type Move,
  movesArbitrary,
  PEOPLE,
  pipelineArbitrary,
  RANDOM_JOBS,
  RANDOM_REQUEST,
  SECRETS,
} from "../testing/random-runs.ts";
import { playRerun, playSpec, recordOf } from "../testing/start.ts";
import { World } from "../testing/world.ts";

interface Extra {
  needs: boolean;
  pick: number;
  matrix: boolean;
  when: "" | "true" | "false" | "version" | "task";
}

const extras = fc.array(
  fc.record({
    needs: fc.boolean(),
    pick: fc.nat(1000),
    matrix: fc.boolean(),
    when: fc.constantFrom("" as const, "" as const, "true", "false", "version", "task"),
  }),
  { minLength: 12, maxLength: 12 },
);

/** The pipeline with `needs`, matrices and conditions, jobs that need no status call, and a `finally` stage. */
function enriched(spec: PipelineSpec, extra: readonly Extra[]): PipelineSpec {
  const names: string[] = [];
  const stages = spec.stages.map((stage): StageSpec => {
    const tasks = stage.tasks.map((task): TaskSpec => {
      const { needs, pick, matrix, when } = extra[names.length % extra.length] as Extra;
      const earlier = names[pick % Math.max(names.length, 1)];
      names.push(task.name);
      const made: TaskSpec = { ...task, job: "noop" };
      if (task.confirm) made.confirm = { checkers: PEOPLE };
      if (needs && earlier !== undefined) made.needs = [earlier];
      if (matrix) made.matrix = { params: { VERSION: ["x", "y"] } };
      if (when === "true" || when === "false") made.when = when;
      if (when === "version") made.when = 'has(params.VERSION) && params.VERSION != "y"';
      if (when === "task" && earlier !== undefined && made.needs)
        made.when = `tasks.${earlier}.stage != "SKIPPED"`;
      return made;
    });
    return { ...stage, tasks };
  });
  const last: StageSpec = { name: "last", finally: true, tasks: [{ name: "clean", job: "noop" }] };
  return { ...spec, stages: [...stages, last] };
}

const requests: fc.Arbitrary<{ mode: number; pick: number; version: string | undefined }> = fc.record({
  mode: fc.nat(3),
  pick: fc.nat(1000),
  version: fc.constantFrom(undefined, undefined, "2", "y"),
});

function requestOf(
  play: Play,
  { mode, pick, version }: { mode: number; pick: number; version?: string | undefined },
) {
  const names = (play.state.definition.pipeline?.stages ?? []).flatMap(({ tasks }) =>
    tasks.map(({ name }) => name),
  );
  const request: RerunRequest = [
    {},
    { mode: "ALL" as const },
    { mode: "FAILED" as const },
    { from: names[pick % names.length] as string },
  ][mode] as RerunRequest;
  return version === undefined ? request : { ...request, runParams: { VERSION: version } };
}

function playMoves(play: Play, moves: readonly Move[], onDecision: (decision: Decision) => void): void {
  // An operator may force a task that ended to run again, while what comes after it has begun.
  const unforced = moves.filter((move) => move.kind !== "status" || move.variant % 13 !== 0);
  for (const move of unforced) {
    const change = changeOf(move, play);
    if (!change) continue;
    try {
      onDecision(play.submit(...change));
    } catch (error) {
      if (!(error instanceof MflowError)) throw error;
    }
  }
}

/** Plays the run to its end, every invariant kept. */
function playOut(play: Play, moves: readonly Move[], neverFails: boolean): void {
  const invariants = new Invariants(play, play.world, SECRETS);
  const check = (decision: Decision) => invariants.check(decision);
  for (const decision of play.decisions) check(decision);
  playMoves(play, moves, check);
  driveToEnd(play, check, { neverFails });
}

const OWN_SKIPS = ["WHEN_FALSE", "MATRIX_EMPTY", undefined];

/** What the rerun says that it does, of exactly the tasks that it begins with. */
function saidOf(old: Play, again: Play, request: RerunRequest): AgainTask[] {
  const madeOf = { how: "RERUN", old: recordOf(old), request } as const;
  const said = againTasks(madeOf, again.state, again.world.context());
  const names = [...again.state.tasks.values()].map(({ name }) => name);
  const isExpanded = again.decisions.some(({ run }) => run && run.status.progress.tasks !== said.length);
  if (!isExpanded) expect(said.map(({ name }) => name).sort()).toEqual(names.sort());
  return said;
}

/** The rerun did what it said. */
function checkRerun(old: Play, again: Play, said: readonly AgainTask[]): void {
  const tasks = new Map<string, JobTask>([...again.state.tasks.values()].map((task) => [task.name, task]));
  const started = new Set(
    again.decisions.flatMap(({ effects }) =>
      effects.filter(({ kind }) => kind === "START").map(({ taskId }) => taskId),
    ),
  );
  // A condition may ask for what an earlier task put out, and that may be a secret, or not be there; so may a matrix.
  const failed = [...tasks.values()].filter(({ status }) => status.stage === "FAILED");
  const reasons = failed.map(({ status }) => status.reason);
  expect(reasons.filter((reason) => reason !== "WHEN_ERROR" && reason !== "START_ERROR")).toEqual([]);
  for (const { name, does } of said) {
    const task = tasks.get(name);
    // A matrix whose combinations were found anew.
    if (!task) continue;
    if (does === "KEEP") {
      const before = old.task(name);
      expect(started.has(task.id)).toBe(false);
      expect(task.status).toEqual(before.status);
      expect(task.status.stage).toBe("SUCCEEDED");
    } else if (failed.length > 0) {
    } else if (!started.has(task.id)) {
      expect([task.status.stage, OWN_SKIPS.includes(task.status.reason)]).toEqual(["SKIPPED", true]);
    } else expect(task.status.stage).toBe("SUCCEEDED");
  }
}

test("a rerun keeps and runs what it said, also a rerun of a rerun", () => {
  fc.assert(
    fc.property(
      pipelineArbitrary,
      extras,
      movesArbitrary,
      fc.array(requests, { minLength: 1, maxLength: 2 }),
      fc.constantFrom(1, 3, 100),
      (spec, extra, moves, asked, slots) => {
        const world = new World({ slots });
        let play = playSpec(enriched(spec, extra), { world, jobs: RANDOM_JOBS, request: RANDOM_REQUEST });
        playOut(play, moves, false);
        for (const each of asked) {
          const request = requestOf(play, each);
          let again: Play;
          try {
            again = playRerun(play, request);
          } catch (error) {
            if (!(error instanceof MflowError) || error.code !== "NOTHING_TO_RUN_AGAIN") throw error;
            const endings = [...play.state.tasks.values()].map(({ status }) => status.stage);
            expect(endings.filter((stage) => stage !== "SUCCEEDED" && stage !== "SKIPPED")).toEqual([]);
            return;
          }
          const said = saidOf(play, again, request);
          playOut(again, [], true);
          checkRerun(play, again, said);
          play = again;
        }
      },
    ),
    { numRuns: 60, endOnFailure: true },
  );
});
