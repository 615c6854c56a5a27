// Which gates of a run the person at the terminal may decide now.

import type { JobTaskView } from "@mflow/core/schema/api";
import { headOf, type OpenGate, openGateOf, pathOf, type Watched } from "../view/watched.ts";

/** Who watches, with the groups that are known of them, and those who are away and asked them to stand in. */
export interface Person {
  name: string;
  groups: readonly string[];
  standsInFor?: readonly Person[];
}

export interface Decidable extends OpenGate {
  taskId: string;
  /** `stage/task`. */
  path: string;
}

const EVERYONE = "@everyone";

/** The first open gate that lists the person, that they have not decided, and that they may decide. */
export function firstDecidable(watched: Watched, person: Person): Decidable | undefined {
  const { startedBy } = headOf(watched);
  for (const task of watched.tasks) {
    const open = openGateOf(task);
    if (open && mayDecide(open, task, person, startedBy)) {
      return { ...open, taskId: task.id, path: pathOf(task) };
    }
  }
  return undefined;
}

function mayDecide({ gate }: OpenGate, task: JobTaskView, person: Person, startedBy: string): boolean {
  const mustNot = ({ name }: Person) => !gate.allowSelf && [startedBy, task.startedBy].includes(name);
  const standing = gate.decisions.filter((decision) => decision.withdrawnAt === undefined);
  const isDone = ({ name }: Person) =>
    standing.some((decision) => decision.user === name || decision.onBehalfOf === name);
  if (mustNot(person) || isDone(person)) return false;
  return [person, ...(person.standsInFor ?? [])].some(
    (one) => isListed(gate, one) && !mustNot(one) && !isDone(one),
  );
}

function isListed({ people }: OpenGate["gate"], { name, groups }: Person): boolean {
  const names = [name, EVERYONE, ...groups.map((group) => `@${group}`)];
  return people.some((listed) => names.includes(listed));
}
