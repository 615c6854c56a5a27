// Random moves on a whole engine that is stopped, started and killed at random: whatever happens, no limit is exceeded, no
// place leaks, everything that waits may go and ends, and everybody is told what happened.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { test } from "vitest";
import { type Move, Play } from "./testing/play.ts";
import { check } from "./testing/play-checks.ts";
import { OVERLAPS, PIPELINES } from "./testing/play-pipelines.ts";

const which = fc.nat(30);
const force = fc.boolean();
const pipeline = fc.constantFrom(...PIPELINES);
const job = fc.constantFrom("work" as const, "early" as const, "outside" as const, "call" as const);
const schedule = fc.constantFrom(...OVERLAPS);
const what = fc.constantFrom("server" as const, "line" as const, "group" as const);
const mode = fc.constantFrom("ALL" as const, "FAILED" as const, "FROM" as const);
const is = <D extends Move["do"]>(...names: D[]) => fc.constantFrom(...names);

const move: fc.Arbitrary<Move> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({ do: is("run"), pipeline, priority: fc.integer({ min: -1, max: 1 }) }),
  },
  { weight: 4, arbitrary: fc.record({ do: is("decide"), which, pushesBack: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ do: is("pause", "resume"), what }) },
  { weight: 2, arbitrary: fc.record({ do: is("cancel", "cancelStage", "cancelTask"), which, force }) },
  { weight: 1, arbitrary: fc.record({ do: is("rerun"), which, mode }) },
  { weight: 3, arbitrary: fc.record({ do: is("rollback", "remove", "pauseRun", "resumeRun"), which }) },
  { weight: 1, arbitrary: fc.record({ do: is("withdraw"), which }) },
  { weight: 1, arbitrary: fc.record({ do: is("cancelQueue"), pipeline }) },
  { weight: 2, arbitrary: fc.record({ do: is("lone"), job }) },
  { weight: 2, arbitrary: fc.record({ do: is("again"), which }) },
  { weight: 2, arbitrary: fc.record({ do: is("minute"), minutes: fc.integer({ min: 1, max: 3 }) }) },
  { weight: 1, arbitrary: fc.record({ do: is("trigger", "pauseSchedule", "resumeSchedule"), schedule }) },
);

/** What happens at one moment, and shares commits then; the server may end so many turns of the event loop later. */
interface Moment {
  moves: Move[];
  end?: { how: "restart" | "crash"; after: number };
}

const moves = fc.array(move, { minLength: 1, maxLength: 5 });
const end = fc.record({ how: fc.constantFrom("restart" as const, "crash" as const), after: fc.nat(16) });
const moment: fc.Arbitrary<Moment> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ moves }) },
  { weight: 1, arbitrary: fc.record({ moves, end }) },
);

async function perform(play: Play, { moves, end }: Moment): Promise<void> {
  return end ? play[end.how](moves, end.after) : play.make(moves);
}

test("limits hold, nothing leaks, everything ends and is told, over restarts, crashes and all that people do", {
  timeout: 120_000,
}, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(moment, { minLength: 5, maxLength: 20 }), async (moments) => {
      const folder = await mkdtemp(join(tmpdir(), "mflow-crashes-"));
      const play = new Play(folder);
      await play.begin();
      try {
        for (const each of moments) await perform(play, each);
        await play.finish();
        await check(play);
        await play.runEach();
        await play.finish();
        await check(play);
      } finally {
        await play.close();
        await rm(folder, { recursive: true });
      }
    }),
    // A shorter example takes longer to find than a test may.
    { numRuns: 6, endOnFailure: true },
  );
});
