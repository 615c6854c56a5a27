// The columns of lists of artifacts.

import { readableSize } from "@mflow/core/readable-size";
import type { JobTaskView } from "@mflow/core/schema/api";
import type { Artifact } from "@mflow/core/schema/artifact";
import type { Column } from "../display/table.ts";
import { pathOf } from "./watched.ts";

/** `tasks`: of a run, so that each artifact shows whose it is. */
export function artifactColumns(tasks: readonly JobTaskView[]): Column<Artifact>[] {
  const names = new Map(tasks.map((task) => [task.id, pathOf(task)]));
  const ofRun: Column<Artifact>[] = [
    { title: "TASK", value: ({ taskId }) => names.get(taskId) ?? taskId, shrinksTo: 12 },
    { title: "TASK ID", value: ({ taskId }) => taskId },
  ];
  return [
    { title: "NAME", value: ({ name }) => name },
    ...(tasks.length > 0 ? ofRun : []),
    { title: "ATTEMPT", value: ({ attempt }) => String(attempt) },
    { title: "KIND", value: ({ kind }) => kind },
    { title: "SIZE", value: ({ size }) => readableSize(size) },
    { title: "PATH", value: ({ path }) => path, shrinksTo: 12 },
    { title: "KEPT", value: ({ createdAt }) => createdAt },
    { title: "UNTIL", value: ({ expiresAt }) => expiresAt ?? "" },
  ];
}
