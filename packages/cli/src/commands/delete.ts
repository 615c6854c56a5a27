// `mflow delete`: deletes DRAFT jobs, pipelines, schedules, and runs and tasks that have ended: those that are named, or
// those that filters say.

import { isRefTo, parsePipelineRef } from "@mflow/core/reference";
import type { TaskStage } from "@mflow/core/schema/job-task";
import type { RunStage } from "@mflow/core/schema/pipeline-task";
import { type Client, eachItem } from "@mflow/sdk";
import type { Context } from "../context.ts";
import type { CommandCall } from "../program.ts";
import { UsageError } from "../usage-error.ts";
import { askYes } from "./ask-yes.ts";
import { type KindName, kindOf } from "./kind-names.ts";
import { parseLabels } from "./run-values.ts";
import { pastTime } from "./when.ts";

interface DeleteOptions {
  before?: string;
  pipeline?: string;
  job?: string;
  stage?: string[];
  label?: string[];
  dryRun?: boolean;
  yes?: boolean;
}

/** Filters, and the kinds that have them. */
const FILTERS: Partial<Record<keyof DeleteOptions, readonly KindName[]>> = {
  before: ["run", "task"],
  pipeline: ["run"],
  job: ["task"],
  stage: ["run", "task"],
  label: ["run", "task"],
};
const RUN_ENDS: RunStage[] = ["SUCCEEDED", "FAILED", "CANCELED"];
const TASK_ENDS: TaskStage[] = [...RUN_ENDS, "SKIPPED"] as TaskStage[];
const WHOLE_PAGE = 500;

export async function run(context: Context, call: CommandCall): Promise<undefined> {
  const [word, named] = call.args as [string, string[]];
  const options = call.options as DeleteOptions;
  const kind = kindOf(word);
  checkFilters(kind, named, options);
  const { client } = await context.connect();
  const names = named.length > 0 ? named : await found(context, client, kind, options);
  if (named.length === 0 && names.length === 0) return context.note("there is nothing to delete");
  if (options.dryRun) {
    for (const name of named) await refuseKept(context, client, kind, name);
    if (context.documentFormat) return context.printDocument({ wouldDelete: names });
    for (const name of names) context.print(`${kind} ${name} would be deleted`);
    return undefined;
  }
  if (named.length === 0 && !options.yes) {
    const question = `Delete ${names.length} ${kind}${names.length === 1 ? "" : "s"} with all logs?`;
    if (!(await askYes(context, question))) return context.note("nothing was deleted");
  }
  for (const name of names) {
    await remove(context, client, kind, name);
    if (!context.documentFormat) context.print(`${kind} ${name} deleted`);
  }
  if (context.documentFormat) await context.printDocument({ deleted: names });
}

function checkFilters(kind: KindName, named: readonly string[], options: DeleteOptions): void {
  const given = Object.entries(FILTERS).filter(
    ([name]) => options[name as keyof DeleteOptions] !== undefined,
  );
  for (const [name, kinds] of given) {
    if (kinds.includes(kind)) continue;
    throw new UsageError(
      `--${name} does not filter ${kind}s`,
      `It filters ${kinds.map((one) => `${one}s`).join(", ")}.`,
    );
  }
  const first = given[0]?.[0];
  if (named.length > 0 && first) {
    throw new UsageError(`--${first} is for deleting without names`, "Give names, or filters.");
  }
  if (named.length === 0 && !first) {
    const remedy =
      kind === "run" || kind === "task" ? "Give names, or filters such as --before 30d." : "Give names.";
    throw new UsageError(`it is not said which ${kind}s to delete`, remedy);
  }
}

/** Ids of the ended runs, or of the ended tasks that ran alone, that the filters say. */
async function found(
  { scope }: Context,
  client: Client,
  kind: KindName,
  { before, pipeline, job, stage, label }: DeleteOptions,
): Promise<string[]> {
  const query = {
    ...scope,
    label: label && Object.entries(parseLabels(label)).map(([key, value]) => `${key}=${value}`),
    createdTo: before && pastTime(before, Date.now()),
    limit: WHOLE_PAGE,
  };
  const stages = stage?.map((one) => one.toUpperCase());
  checkStages(kind, stages);
  const ids: string[] = [];
  if (kind === "run") {
    const list = (cursor: string | undefined) =>
      client.runs.list({ ...query, pipeline, stage: (stages as RunStage[]) ?? RUN_ENDS, cursor });
    for await (const { id } of eachItem(list)) ids.push(id);
  } else {
    const list = (cursor: string | undefined) =>
      client.tasks.list({ ...query, job, stage: (stages as TaskStage[]) ?? TASK_ENDS, cursor });
    for await (const task of eachItem(list)) if (task.pipelineTaskId === undefined) ids.push(task.id);
  }
  return ids;
}

function checkStages(kind: KindName, stages: readonly string[] = []): void {
  const ends: readonly string[] = kind === "run" ? RUN_ENDS : TASK_ENDS;
  const other = stages.find((stage) => !ends.includes(stage));
  if (other === undefined) return;
  throw new UsageError(`no ${kind} that has ended is ${other}`, `Take ${ends.join(", ")}.`);
}

async function remove({ scope }: Context, client: Client, kind: KindName, name: string): Promise<void> {
  if (kind === "job") await client.jobs.remove(name, scope);
  else if (kind === "pipeline") await client.pipelines.remove(name, scope);
  else if (kind === "schedule") await client.schedules.remove(name, scope);
  else if (kind === "run") await client.runs.remove(name);
  else await client.tasks.remove(name);
}

/** Of a dry run of what is named: rejects when it is not there, or is such that it is not deleted. */
async function refuseKept({ scope }: Context, client: Client, kind: KindName, name: string): Promise<void> {
  if (kind === "pipeline") {
    const found = await client.pipelines.get(name, scope);
    const { name: pipeline, domain, namespace } = found;
    const stage: RunStage[] = ["PENDING", "ACTIVE", "CANCELING"];
    const { items } = await client.runs.list({ domain, namespace, pipeline, stage, limit: 1 });
    if (items[0]) {
      const message = `pipeline ${name} stays: run ${items[0].id} has not ended`;
      throw new UsageError(message, "Wait for its end, or cancel it.");
    }
    // Of all scopes: a schedule may start a pipeline of another one.
    const page = (cursor: string | undefined) => client.schedules.list({ cursor, limit: WHOLE_PAGE });
    for await (const schedule of eachItem(page)) {
      if (!isRefTo(parsePipelineRef(schedule.spec.pipeline, schedule), found)) continue;
      const { hasTimesToCome } = await import("@mflow/core/schedule-times");
      if (!hasTimesToCome(schedule, Date.now())) continue;
      const isNear = schedule.domain === domain && schedule.namespace === namespace;
      const full = `${schedule.name}@${schedule.namespace}.${schedule.domain}`;
      const message = `pipeline ${name} stays: schedule ${isNear ? schedule.name : full} starts it`;
      throw new UsageError(message, "Delete the schedule first, or let it start another pipeline.");
    }
  } else if (kind === "schedule") await client.schedules.get(name, scope);
  else if (kind === "job") {
    const { stage } = await client.jobs.get(name, scope);
    if (stage !== "DRAFT") {
      throw new UsageError(`job ${name} is ${stage}, not a DRAFT, and stays`, "Deprecate it instead.");
    }
  } else {
    const { status } = kind === "run" ? (await client.runs.get(name)).run : await client.tasks.get(name);
    const ends: readonly string[] = TASK_ENDS;
    if (!ends.includes(status.stage)) {
      throw new UsageError(
        `${kind} ${name} is ${status.stage}, and stays`,
        "Wait for its end, or cancel it.",
      );
    }
  }
}
