// Makes somebody the owner of a schedule: its runs have their rights from then on.

import type { Schedule } from "@mflow/core/schema/schedule";
import { type CatalogContext, change } from "./context.ts";

/** `find` as for `publishJob`. Answers the schedule as it is then; one of the actor's own is left alone. */
export function takeOverSchedule(
  context: CatalogContext,
  find: () => Promise<Schedule>,
  actor: string,
): Promise<Schedule> {
  return change(context, async () => {
    const stored = await find();
    if (stored.owner === actor) return { changes: [], history: [], answer: stored };
    const { revision } = stored;
    const schedule = { ...stored, owner: actor, revision: revision + 1, updatedAt: context.now() };
    return {
      changes: [{ put: "schedule", schedule, expectedRevision: revision }],
      history: [],
      answer: schedule,
    };
  });
}
