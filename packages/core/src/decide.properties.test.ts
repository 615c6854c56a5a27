// Whatever happens to a run, in whatever order, these hold; see testing/invariants.ts.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { MflowError } from "./errors.ts";
import type { PipelineSpec } from "./schema/pipeline.ts";
import type { Decision } from "./state.ts";
import { Invariants } from "./testing/invariants.ts";
import type { Play } from "./testing/play.ts";
import {
  changeOf,
  confirmedMovesArbitrary,
  confirmedPipelineArbitrary,
  driveToEnd,
  type Move,
  movesArbitrary,
  PEOPLE,
  pipelineArbitrary,
  RANDOM_JOBS,
  RANDOM_REQUEST,
  SECRETS,
  STAND_IN,
} from "./testing/random-runs.ts";
import { playJob, playSpec } from "./testing/start.ts";
import { World } from "./testing/world.ts";

interface Scenario {
  spec: PipelineSpec;
  moves: Move[];
  slots: number;
}

const scenarios = fc.record({
  spec: pipelineArbitrary,
  moves: movesArbitrary,
  slots: fc.constantFrom(1, 2, 3, 100),
});

/** Plays moves; refusals are part of the play. */
function playMoves(play: Play, moves: readonly Move[], onDecision: (decision: Decision) => void): string[] {
  const refusals: string[] = [];
  for (const move of moves) {
    // A server that starts anew goes on with what the rows tell.
    if (move.variant % 17 === 0) play.restart();
    const change = changeOf(move, play);
    if (!change) continue;
    const outcome = play.ask(...change);
    expect(withoutIds(play.ask(...change))).toBe(withoutIds(outcome));
    try {
      onDecision(play.submit(...change));
    } catch (error) {
      if (!(error instanceof MflowError)) throw error;
      refusals.push(error.message);
    }
  }
  return refusals;
}

/** Messages, and tasks that are made on the way, get fresh ids each time. */
function withoutIds(value: unknown): string {
  return JSON.stringify(value).replace(/(msg|task)-\d{26}/g, "$1");
}

function playScenario({ spec, moves, slots }: Scenario): { play: Play; invariants: Invariants } {
  const world = new World({ slots });
  world.standIns.set("carol", STAND_IN);
  const play = playSpec(spec, { world, jobs: RANDOM_JOBS, request: RANDOM_REQUEST });
  const invariants = new Invariants(play, play.world, SECRETS);
  const check = (decision: Decision) => invariants.check(decision);
  for (const decision of play.decisions) check(decision);
  for (const refusal of playMoves(play, moves, check)) {
    for (const secret of SECRETS) expect(refusal).not.toContain(secret);
  }
  return { play, invariants };
}

describe("a run", () => {
  test("keeps every invariant under random changes, and ends once its work and gates are done", () => {
    fc.assert(
      fc.property(scenarios, (scenario) => {
        const { play, invariants } = playScenario(scenario);
        driveToEnd(play, (decision) => invariants.check(decision));
        expect(play.world.locks.size).toBe(0);
        expect(play.world.held.size).toBe(0);
      }),
      { numRuns: 250 },
    );
  });

  test("keeps every invariant while results are pushed back, and ends with every result confirmed", () => {
    const pushed = fc.record({
      spec: confirmedPipelineArbitrary,
      moves: confirmedMovesArbitrary,
      slots: fc.constantFrom(1, 2, 100),
    });
    fc.assert(
      fc.property(pushed, (scenario) => {
        const { play, invariants } = playScenario(scenario);
        driveToEnd(play, (decision) => invariants.check(decision));
        expect(new Set([...play.state.tasks.values()].map((task) => task.status.stage))).toEqual(
          new Set(["SUCCEEDED"]),
        );
        expect(play.run.status.stage).toBe("SUCCEEDED");
      }),
      { numRuns: 50 },
    );
  });

  test("is decided the same way again by the same changes", () => {
    fc.assert(
      fc.property(scenarios, (scenario) => {
        const first = playScenario(scenario).play.decisions;
        expect(withoutIds(playScenario(scenario).play.decisions)).toBe(withoutIds(first));
      }),
      { numRuns: 50 },
    );
  });

  test("that has ended keeps its tasks whatever is still reported or asked of it", () => {
    fc.assert(
      fc.property(scenarios, movesArbitrary, (scenario, later) => {
        const { play, invariants } = playScenario({ ...scenario, moves: [] });
        driveToEnd(play, (decision) => invariants.check(decision));
        const { stages } = play;
        const harmless = later.filter((move) => move.kind !== "status" || move.variant % 13 !== 0);
        playMoves(play, harmless, (decision) => {
          invariants.check(decision);
          expect(decision.tasks).toEqual([]);
          expect(decision.effects).toEqual([]);
        });
        expect(play.stages).toEqual(stages);
      }),
      { numRuns: 50 },
    );
  });
});

describe("a lone task", () => {
  test("keeps every invariant under random changes and reruns", () => {
    const gates = fc.record(
      {
        audit: fc.constant({ auditors: PEOPLE, expiresIn: "30s", remindEvery: "10s" }),
        confirm: fc.constant({ checkers: PEOPLE, required: 2, maxPushBacks: 2 }),
        timeout: fc.constant("10s"),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(gates, fc.constantFrom("noop", "manual"), movesArbitrary, (more, job, moves) => {
        const rerunning = moves.flatMap((move) =>
          move.pick % 5 === 0 ? [move, { ...move, kind: "rerun" }] : [move],
        );
        const play = playJob({ ...RANDOM_REQUEST, ...more }, RANDOM_JOBS[job]);
        const invariants = new Invariants(play, play.world, SECRETS);
        const check = (decision: Decision) => invariants.check(decision);
        for (const decision of play.decisions) check(decision);
        playMoves(play, rerunning, check);
        driveToEnd(play, check);
      }),
      { numRuns: 120 },
    );
  });
});
