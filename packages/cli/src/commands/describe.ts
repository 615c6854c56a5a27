// `mflow describe`: all there is to know of one record, for people.

import type { Context } from "../context.ts";
import type { CommandCall } from "../program.ts";
import { openGateOf } from "../view/watched.ts";
import { jobLines, runLines, taskLines } from "./describe-lines.ts";
import { kindOf } from "./kind-names.ts";
import { pipelineLines } from "./pipeline-lines.ts";
import { scheduleLines } from "./schedule-lines.ts";

export async function run(context: Context, { args }: CommandCall): Promise<undefined> {
  const [word, name] = args as [string, string];
  const { client } = await context.connect();
  const { style, command, scope } = context;
  const columns = context.io.stdout.isTTY ? context.io.stdout.columns : undefined;
  const options = { style, command, now: Date.now(), columns: columns ?? 100 };
  const show = async (record: unknown, lines: () => string[] | Promise<string[]>) => {
    if (context.documentFormat) return context.printDocument(record);
    for (const line of await lines()) context.print(line);
  };
  switch (kindOf(word)) {
    case "job": {
      const job = await client.jobs.get(name, scope);
      return show(job, () => jobLines(job, options));
    }
    case "pipeline": {
      const pipeline = await client.pipelines.get(name, scope);
      return show(pipeline, async () => {
        if (!("extends" in pipeline.spec)) return pipelineLines(pipeline, options);
        const whole = await client.pipelines.get(name, { ...scope, resolved: true });
        return pipelineLines(pipeline, options, whole);
      });
    }
    case "schedule": {
      const schedule = await client.schedules.get(name, scope);
      return show(schedule, () => scheduleLines(schedule, options));
    }
    case "run": {
      const run = await client.runs.get(name);
      return show(run, () => runLines(run, options));
    }
    default: {
      const task = await client.tasks.get(name);
      return show(task, async () => {
        const evidence = openGateOf(task) && (await client.tasks.evidence(task.id));
        const artifacts = (await client.artifacts.ofTask(task.id, { limit: 500 })).items;
        return taskLines(task, { ...options, artifacts, ...(evidence && { evidence }) });
      });
    }
  }
}
