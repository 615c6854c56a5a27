// Who is told of a gate because they decide it: those listed, and those who stand in for somebody who is away.

import type { People } from "../deciders.ts";
import { ablePeople, standingDecisions } from "../gate.ts";
import type { Gate } from "../schema/gate.ts";
import type { JobTask } from "../schema/job-task.ts";

/** Those who have decided, in their own name or for somebody; a decision that was taken back does not count. */
export function decidedPeople(gate: Gate): Set<string> {
  return new Set(
    standingDecisions(gate).flatMap(({ user, onBehalfOf }) => (onBehalfOf ? [user, onBehalfOf] : [user])),
  );
}

/**
 * Those of `names` who are asked to decide a gate of the task, each followed by who stands in for them; not those of
 * `done`. Who started the run is not asked unless the gate says `allowSelf`: they may not
 * decide. Nor is who cannot decide in its scope: they would read what they may not see.
 */
export function askedPeople(
  names: readonly string[],
  gate: Pick<Gate, "allowSelf">,
  task: JobTask,
  context: People,
  done: ReadonlySet<string> = new Set(),
): Set<string> {
  const isAsked = (user: string) => !done.has(user) && (gate.allowSelf || user !== task.startedBy);
  const asked = new Set<string>();
  for (const user of ablePeople(names, task, context)) {
    if (!isAsked(user)) continue;
    asked.add(user);
    const standIn = context.standInOf(user);
    if (standIn === undefined || !isAsked(standIn)) continue;
    if (context.cannotDecide(standIn, task) === undefined) asked.add(standIn);
  }
  return asked;
}
