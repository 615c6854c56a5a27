// Which gates of a run the person at the terminal may decide now.

import type { JobTaskView } from "@mflow/core/schema/api";
import { headOf, type OpenGate, openGateOf, pathOf, type Watched } from "../view/watched.ts";

/** Who watches, with the groups that are known of them. */
export interface Person {
  name: string;
  groups: readonly string[];
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
  const names = [person.name, EVERYONE, ...person.groups.map((group) => `@${group}`)];
  if (!gate.people.some((listed) => names.includes(listed))) return false;
  if (!gate.allowSelf && [startedBy, task.startedBy].includes(person.name)) return false;
  return !gate.decisions.some((decision) => decision.user === person.name);
}
