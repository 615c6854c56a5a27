// What a dry run shows of the tasks that it rendered: what the runner would make, where it says so, else the spec.

import type { RenderedTaskBody } from "@mflow/core/schema/api";

/** The rendered tasks of a run, or the one of a job, as they are printed. */
export function shownTasks(rendered: RenderedTaskBody[] | RenderedTaskBody | undefined): unknown {
  if (rendered === undefined) return [];
  return Array.isArray(rendered) ? rendered.map(shownTask) : shownTask(rendered);
}

/** The author's spec is a part of what is made, and beside it would be read twice. */
function shownTask(rendered: RenderedTaskBody): Partial<RenderedTaskBody> {
  if (!rendered.made) return rendered;
  const { spec: _, ...shown } = rendered;
  return shown;
}
