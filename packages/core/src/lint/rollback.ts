// Rules on what a job says of rollbacks: what has no effect, and what a rollback would leave unreplaced.

import { quoted } from "../quoted.ts";
import { templateReferences } from "../render.ts";
import type { JobSpec } from "../schema/job.ts";
import { type Finding, warning } from "./finding.ts";

export function* rollbackRules({
  allowRollback,
  runParams = [],
  rollbackParams,
  runnerSpec,
}: JobSpec): Generator<Finding> {
  if (!rollbackParams) return;
  if (!allowRollback) {
    const message =
      "no rollback fills `rollbackParams` without `allowRollback: true`; add it, or remove them";
    yield warning("/spec/rollbackParams", message);
    return;
  }
  const templates = (params: JobSpec["runParams"]) =>
    new Set((params ?? []).filter(({ usageType }) => usageType === "TEMPLATE").map(({ name }) => name));
  const inRollback = templates(rollbackParams);
  const inRun = templates(runParams);
  const missing = new Set(
    templateReferences(runnerSpec)
      .map(({ name }) => name)
      .filter((name) => inRun.has(name) && !inRollback.has(name)),
  );
  for (const name of missing) {
    const rule = `a rollback does not replace \`\${${name}}\` of the runner spec`;
    const remedy = `declare ${quoted(name)} in \`rollbackParams\` too, with \`usageType: TEMPLATE\``;
    yield warning("/spec/rollbackParams", `${rule}; ${remedy}`);
  }
}
