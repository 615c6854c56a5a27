// What an apply with `prune` deletes: stored records of a scope that have the labels and that no document is about. One
// that cannot be deleted stays, with the reason.

import type { Job } from "@mflow/core/schema/job";
import type { Pipeline } from "@mflow/core/schema/pipeline";
import type { Labels, Scope } from "@mflow/core/schema/scalars";
import type { Schedule } from "@mflow/core/schema/schedule";
import type { CatalogChange, Page, PageQuery } from "../store/store.ts";
import type { CatalogContext } from "./context.ts";
import { everySchedule, whyJobStays, whyPipelineStays } from "./delete-record.ts";
import { jobTitle } from "./job-record.ts";

export type Pruned = { action: "DELETED" | "KEPT"; reason?: string } & (
  | { kind: "Job"; record: Job }
  | { kind: "Pipeline"; record: Pipeline }
  | { kind: "Schedule"; record: Schedule }
);

export interface PrunePlan {
  /** Schedules first, then pipelines, then jobs, by name. */
  pruned: Pruned[];
  changes: CatalogChange[];
}

const PAGE = 500;

const STORED_AS = { Job: "job", Pipeline: "pipeline", Schedule: "schedule" } as const;

/** What the documents of the apply say of stored records. */
export interface GivenRecords {
  /** Whether a document is about it. */
  has(kind: Pruned["kind"], record: Pruned["record"]): boolean;
  /** What a document does with a pipeline, e.g. `Pipeline shop extends it`; nothing when none needs it. */
  use(pipeline: Pipeline): string | undefined;
}

export async function planPrune(
  context: CatalogContext,
  scope: Scope,
  labels: Labels,
  given: GivenRecords,
): Promise<PrunePlan> {
  const { store } = context;
  const pruned: Pruned[] = [];
  for await (const record of all((page) => store.listSchedules({ scope, labels, ...page }))) {
    if (!given.has("Schedule", record)) pruned.push({ kind: "Schedule", record, ...outcome(undefined) });
  }
  const deleted = new Set(pruned.map(({ record }) => record.id));
  const stays = (schedule: Schedule) => !deleted.has(schedule.id) && !given.has("Schedule", schedule);
  const schedules = (await everySchedule(store)).filter(stays);
  for await (const record of all((page) => store.listPipelines({ scope, labels, ...page }))) {
    if (given.has("Pipeline", record)) continue;
    const use = given.use(record);
    const reason =
      use === undefined
        ? await whyPipelineStays(context, record, schedules)
        : `${use}; keep its document, or change that one first.`;
    pruned.push({ kind: "Pipeline", record, ...outcome(reason) });
  }
  for await (const record of all((page) => store.listJobs({ scope, labels, ...page }))) {
    if (!given.has("Job", record)) pruned.push({ kind: "Job", record, ...outcome(whyJobStays(record)) });
  }
  pruned.sort((a, b) => compareText(b.kind, a.kind) || compareText(titleOf(a), titleOf(b)));
  const changes = pruned
    .filter(({ action }) => action === "DELETED")
    .map(({ kind, record }): CatalogChange => {
      const { id, revision } = record;
      return { remove: STORED_AS[kind], id, expectedRevision: revision };
    });
  return { pruned, changes };
}

function titleOf({ kind, record }: Pruned): string {
  return kind === "Job" ? jobTitle(record) : record.name;
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function outcome(reason: string | undefined): Pick<Pruned, "action" | "reason"> {
  return reason === undefined ? { action: "DELETED" } : { action: "KEPT", reason };
}

async function* all<T>(
  list: (page: Pick<PageQuery, "limit" | "cursor">) => Promise<Page<T>>,
): AsyncGenerator<T> {
  let cursor: string | undefined;
  do {
    const page = await list({ limit: PAGE, ...(cursor !== undefined && { cursor }) });
    yield* page.items;
    cursor = page.nextCursor;
  } while (cursor !== undefined);
}
