// What the demo says beside the view of its run.

import type { PipelineTaskView } from "@mflow/core/schema/api";
import { quote } from "../context.ts";
import type { Style } from "../display/style.ts";
import { fill, wrap } from "../display/width.ts";

const WIDEST = "made a git repository".length;

/** Something that was done, and where it can be looked at; each place gets its line. */
export function doneLines(style: Style, what: string, ...places: string[]): string[] {
  const done = `${style.tone("good", style.symbols.succeeded)} ${fill(what, WIDEST)}`;
  return places.map((place, index) => {
    const left = index === 0 ? done : " ".repeat(WIDEST + 2);
    return `  ${left}  ${style.tone("quiet", place)}`;
  });
}

export interface NextSteps {
  /** How mflow is called, without its data folder. */
  command: string;
  /** e.g. `http://127.0.0.1:7070`. */
  address: string;
  /** Shown path of the data folder. */
  folder: string;
  view: PipelineTaskView;
  /** Address of the deployed service, when it still runs. */
  service: string | undefined;
  columns: number;
}

/** How the run ended, and what to look at next. */
export function nextLines(next: NextSteps, style: Style): string[] {
  const { command, address, folder, view, service, columns } = next;
  const { run } = view;
  const ends = service
    ? [outcome(view), `The service runs at ${service} until the demo ends.`]
    : [outcome(view)];
  const tries: [string, string][] = [
    [`logs ${run.id}`, "what its steps wrote"],
    ["get tasks", "what ran, and when"],
    [`run ${run.name}`, "the same once more"],
    ["run -f examples/params.yaml", "another example"],
  ];
  const widest = Math.max(...tries.map(([words]) => words.length));
  return [
    "",
    ...wrap(ends.join(" "), columns),
    "",
    style.tone("strong", "Try next, in another terminal:"),
    `  export MFLOW_DATA=${quote(folder)}`,
    ...tries.map(([words, why]) => `  ${command} ${fill(words, widest)}  ${style.tone("quiet", why)}`),
    "",
    ...wrap(
      `Change ${folder}/repository, commit, and \`run ${run.name}\` builds that. The API is described at ${address}/api/docs; its token is in ${folder}/local.token.`,
      columns,
    ),
    "",
  ];
}

function outcome({ run, tasks }: PipelineTaskView): string {
  const versions = tasks.map(({ status }) => status.runtimeEnvs?.APP_VERSION);
  switch (run.status.stage) {
    case "SUCCEEDED":
      return `${versions.find(Boolean)} was tested, built, audited, deployed, checked, accepted and stopped.`;
    case "FAILED":
      return `The run FAILED: ${run.status.message ?? "see its tasks"}.`;
    case "CANCELED":
      return "The run was CANCELED.";
    default:
      return "The run goes on.";
  }
}
