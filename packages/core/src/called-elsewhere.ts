// What other systems call the fields of manifests: who comes from GitLab CI, Argo Workflows, Tekton, Dagu or GitHub
// Actions writes what they know, and is told how it is called here. `docs/compare.md` has what is behind the names.

/** Our fields, each with what it is called elsewhere. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  needs: "depends dependsOn depends_on dependencies runAfter",
  when: "if rules only except condition conditions precondition preconditions",
  matrix: "parallel strategy withItems withParam withSequence forEach foreach",
  isParallel: "parallel",
  maxParallel: "parallelism maxConcurrency maxActiveSteps",
  ignoreFailed: "allowFailure allow_failure continueOn continueOnError continue_on_error onError",
  retry: "retries retryStrategy retryPolicy",
  timeout: "timeouts timeoutMinutes timeout-minutes timeoutSec activeDeadlineSeconds",
  concurrency: "resourceGroup resource_group synchronization mutex semaphore",
  maxRuns: "maxActiveRuns",
  nextPipeline: "trigger downstream",
  finally: "onExit handlerOn",
  audit: "approval approvals manual suspend",
  runParams: "variables env arguments params parameters inputs",
  with: "variables env arguments params parameters inputs",
  stages: "dag workflow",
  tasks: "jobs steps",
  extends: "include template templateRef workflowTemplateRef pipelineRef",
  job: "taskRef uses template templateRef",
  run: "script command commands",
  fetch: "needArtifacts inputArtifacts",
  // Of a schedule.
  cron: "schedule crontab",
  overlap: "concurrencyPolicy",
  paused: "suspend suspended disabled",
  catchUp: "backfill startingDeadlineSeconds",
  timeZone: "tz",
  // Of `retry`, its `backoff`, artifacts, retention and groups.
  limit: "max maxAttempts attempts count",
  initial: "duration delay interval intervalSec",
  factor: "multiplier",
  retention: "expireIn expire_in ttl ttlStrategy pruner",
  maxAge: "ttl expireIn expire_in histRetentionDays",
  cancelInProgress: "interruptible cancel-in-progress",
};

const fieldsOf = new Map<string, string[]>();
for (const [field, names] of Object.entries(ELSEWHERE)) {
  for (const name of names.split(" ")) fieldsOf.set(name, [...(fieldsOf.get(name) ?? []), field]);
}

/** What elsewhere stands in what a task does, and here in the job that the task names. */
const OF_JOBS: ReadonlySet<string> = new Set([
  ..."script run command commands image steps container before_script after_script".split(" "),
]);

/** Where params are given, nearest first. */
const OF_PARAMS = ["params", "runParams", "with"] as const;

/**
 * What to do about a key that is not known where `known` are, when it is one of another system: how it is called or where it
 * stands here.
 */
export function calledHere(key: string, known: readonly string[]): string | undefined {
  const field = fieldsOf.get(key)?.find((name) => known.includes(name));
  if (field !== undefined) return `it is called \`${field}\``;
  if (known.includes("job") && OF_JOBS.has(key)) return "what a task does stands in the job that `job` names";
  const params = OF_PARAMS.find((name) => known.includes(name));
  if (params !== undefined && /^[A-Z_][A-Z0-9_]*$/.test(key)) return `params stand below \`${params}\``;
  return undefined;
}
