// What the page of a decision link asks about: the facts of the task, its run and its gate as they are now.

import { openPeople } from "@mflow/core/deciders";
import { passesOf } from "@mflow/core/gate";
import { MASK } from "@mflow/core/mask";
import type { Gate } from "@mflow/core/schema/gate";
import type { JobTask } from "@mflow/core/schema/job-task";
import type { PipelineTask } from "@mflow/core/schema/pipeline-task";
import type { DecisionLink } from "../listeners/decision-links.ts";
import type { DecisionQuestion, FactName } from "./decision-page.ts";
import type { Services } from "./services.ts";

type AboutTask = Pick<DecisionQuestion, "gate" | "taskName" | "place" | "facts" | "params" | "user">;

/** `run` is absent for a task that runs alone. */
export function decisionQuestion(
  link: DecisionLink,
  task: JobTask,
  gate: Gate,
  run: PipelineTask | undefined,
  people: Services["accounts"],
): AboutTask {
  const { reported } = task.status;
  const { name: taskName, startedBy } = task;
  const question = { kind: link.gate, gate, taskName, scope: task, startedBy };
  const facts: [FactName, string | undefined][] = [
    ["job", `${task.job.name}:${task.job.version}`],
    ["startedBy", task.startedBy],
    ["result", reported && [reported.stage, reported.message].filter(Boolean).join(": ")],
    ["people", openPeople(question, people).join(", ")],
    ["passed", `${passesOf(gate)} / ${gate.required}`],
    ["since", gate.openedAt],
    ["until", gate.expiresAt],
    ["digest", gate.digest],
  ];
  const shown = (task.params ?? []).filter((param) => param.usageType !== "SYSTEM");
  return {
    gate: link.gate,
    taskName: task.name,
    place: run && [run.name, task.stageName, run.id].filter(Boolean).join(" / "),
    facts: facts.flatMap(([name, value]) => (value === undefined ? [] : { name, value })),
    params: shown.map(({ name, value, sensitive }) => `${name}=${sensitive ? MASK : value}`),
    user: link.user,
  };
}
