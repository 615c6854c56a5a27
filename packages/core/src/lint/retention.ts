// Rules on retention: what would delete at once, what has no effect, and what leaves a rollback nothing to go back to.

import { parseDuration } from "../duration.ts";
import { quoted } from "../quoted.ts";
import { LEAST_AGE_MS } from "../retention.ts";
import type { JobSpec } from "../schema/job.ts";
import type { PipelineSpec } from "../schema/pipeline.ts";
import type { RetentionRule } from "../schema/retention.ts";
import { durationError } from "./durations.ts";
import { error, type Finding, warning } from "./finding.ts";

function* ruleRules({ maxAge }: RetentionRule, path: string): Generator<Finding> {
  if (maxAge === undefined) return;
  const wrong = durationError(maxAge);
  if (wrong !== undefined) yield error(`${path}/maxAge`, wrong);
  else if (parseDuration(maxAge) === 0) {
    yield error(
      `${path}/maxAge`,
      `a \`maxAge\` of ${quoted(maxAge)} keeps nothing; give a longer one such as \`30d\`, or remove it to keep all`,
    );
  } else if (parseDuration(maxAge) < LEAST_AGE_MS) {
    yield warning(
      `${path}/maxAge`,
      `a \`maxAge\` of ${quoted(maxAge)} has no effect below a minute: ended runs are kept so long; give a longer one such as \`30d\``,
    );
  }
}

/** `jobOf`: the job of a reference, as far as it is known. */
export function* retentionRules(
  { retention, stages }: PipelineSpec,
  path: string,
  jobOf: (ref: string) => JobSpec | undefined,
): Generator<Finding> {
  if (!retention) return;
  yield* ruleRules(retention, `${path}/retention`);
  if (retention.failed) yield* ruleRules(retention.failed, `${path}/retention/failed`);
  if (retention.maxRuns !== 1) return;
  const rolling = stages.flatMap(({ tasks }) => tasks).find(({ job }) => jobOf(job)?.allowRollback);
  if (!rolling) return;
  yield warning(
    `${path}/retention/maxRuns`,
    `with one run kept there is no success before the last one, and a rollback of ${quoted(rolling.name)} has nothing to go back to; keep at least 2`,
  );
}
