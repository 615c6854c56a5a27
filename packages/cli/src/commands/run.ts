// `mflow run`: starts a run and watches it to its end.

import { isScoped } from "@mflow/core/manifest";
import type { RunJobResponse, RunPipelineResponse } from "@mflow/core/schema/api";
import type { RunJobRequest, RunPipelineRequest } from "@mflow/core/schema/request";
import type { Scope } from "@mflow/core/schema/scalars";
import { ApiError, ConnectionError } from "@mflow/sdk";
import type { Connection } from "../connect.ts";
import type { Context } from "../context.ts";
import { EXIT } from "../exit-code.ts";
import { placeInFiles, problemsError, readGoodManifests } from "../manifest-files.ts";
import type { CommandCall } from "../program.ts";
import { problemLine } from "../report-error.ts";
import { UsageError } from "../usage-error.ts";
import { watch } from "../watch/watch.ts";
import { shownTasks } from "./rendered-tasks.ts";
import { chooseTarget, type Target } from "./run-target.ts";
import { parseAuditor, parseLabels, parseParam } from "./run-values.ts";
import { type ServerFlagOptions, serverFlags } from "./server-flags.ts";

interface RunOptions extends ServerFlagOptions {
  file?: string[];
  job?: string;
  task?: string;
  param?: string[];
  label?: string[];
  addAuditor?: string[];
  sequenceLabelKey?: string;
  queue?: boolean;
  priority?: number;
  detach?: boolean;
  dryRun?: boolean;
  idempotencyKey?: string;
}

type Documents = Awaited<ReturnType<typeof readGoodManifests>>;

interface Started {
  id: string;
  response: RunPipelineResponse | RunJobResponse;
}

export async function run(context: Context, call: CommandCall): Promise<number> {
  const options = call.options as unknown as RunOptions;
  const [pipeline] = call.args as [string | undefined];
  const documents = await readGoodManifests(context.io, options.file ?? []);
  const target = chooseTarget({ pipeline, job: options.job, task: options.task }, documents);
  const scope = scopeFor(target, context);
  await lintOverlay(context, documents, scope);
  const common = commonRequest(context, options, documents);
  const withKey = { ...options, idempotencyKey: options.idempotencyKey ?? crypto.randomUUID() };

  const connect = () => context.connect({ start: true, serverFlags: serverFlags(options) });
  let connection = await connect();
  const send = () => start(connection, target, common, withKey, scope);
  const { id, response } = await send()
    .catch(async (error) => {
      if (!connection.isLocal || !isGoing(error)) throw error;
      // It has just become idle for long enough; with the same key the request starts one run at most.
      connection = await connect();
      return send();
    })
    .catch((error) => {
      throw inFiles(error, documents, target);
    });
  if (response.repeated) context.note(`this request was made before; its run is ${id}`);
  // A misspelt param would otherwise pass in silence.
  for (const warning of "warnings" in response ? (response.warnings ?? []) : []) context.note(warning);
  if (options.dryRun) {
    await context.printDocument(shownTasks(response.rendered), context.documentFormat ?? "yaml");
    return EXIT.ok;
  }
  // A live view says it itself, and as it changes.
  const isShown = !options.detach && context.io.stdout.isTTY;
  const waits = "run" in response && !isShown ? response.run.waitingFor : undefined;
  if (waits !== undefined) context.note(`${id} ${waits}`);
  if (options.detach) {
    if (context.documentFormat) await context.printDocument(response);
    else context.print(id);
    return EXIT.ok;
  }
  return watch(context, connection, id);
}

/** Whether an error says that the server is ending. */
function isGoing(error: unknown): boolean {
  return error instanceof ConnectionError || (error instanceof ApiError && error.code === "UNAVAILABLE");
}

/** The scope of the options, else the one that the document to run names. */
function scopeFor(target: Target, { scope }: Context): Partial<Scope> {
  const manifest = "document" in target ? target.document?.manifest : undefined;
  const metadata = manifest && isScoped(manifest) ? manifest.metadata : undefined;
  return {
    domain: scope.domain ?? metadata?.domain,
    namespace: scope.namespace ?? metadata?.namespace,
  };
}

/** Finds here what makes no sense in the files, so that it gets its place in them; the server looks up the rest. */
async function lintOverlay(context: Context, documents: Documents, scope: Partial<Scope>): Promise<void> {
  if (documents.length === 0) return;
  const { lint } = await import("@mflow/core/lint");
  const { DEFAULT_SCOPE } = await import("@mflow/core/schema/scalars");
  const { domain = DEFAULT_SCOPE.domain, namespace = DEFAULT_SCOPE.namespace } = scope;
  const problems = lint(documents, { scope: { domain, namespace }, overlay: true });
  if (problems.some((problem) => problem.severity !== "warning")) throw problemsError(problems);
  for (const problem of problems) context.io.stderr.write(`${problemLine(problem, context.errorStyle)}\n`);
}

type CommonRequest = Pick<
  RunPipelineRequest & RunJobRequest,
  "documents" | "runParams" | "labels" | "priority" | "dryRun"
>;

function commonRequest({ io }: Context, options: RunOptions, documents: Documents): CommonRequest {
  const request: CommonRequest = {};
  if (documents.length > 0)
    request.documents = documents.map((document) => document.manifest).filter(isScoped);
  if (options.param) request.runParams = options.param.map((text) => parseParam(text, io.env));
  if (options.label) request.labels = parseLabels(options.label);
  if (options.priority !== undefined) request.priority = options.priority;
  if (options.dryRun) request.dryRun = true;
  return request;
}

async function start(
  { client }: Connection,
  target: Target,
  common: CommonRequest,
  options: RunOptions,
  scope: Partial<Scope>,
): Promise<Started> {
  const runOptions = { ...scope, idempotencyKey: options.idempotencyKey };
  if ("pipeline" in target) {
    const request: RunPipelineRequest = { ...common, pipelineId: target.pipeline };
    if (options.addAuditor) request.auditors = options.addAuditor.map(parseAuditor);
    if (options.sequenceLabelKey) request.sequenceLabelKey = options.sequenceLabelKey;
    if (options.queue !== undefined) request.queue = options.queue;
    const response = await client.runs.start(request, runOptions);
    return { id: response.run.id, response };
  }
  if (options.addAuditor || options.sequenceLabelKey || options.queue !== undefined) {
    throw new UsageError("--add-auditor, --sequence-label-key and --queue are for pipelines");
  }
  const request: RunJobRequest =
    "task" in target ? { ...common, id: target.task } : { ...common, ...(target.job && { job: target.job }) };
  const response = await client.tasks.run(request, runOptions);
  return { id: response.task.id, response };
}

/** The server's refusal with the places in the files that it speaks of. */
function inFiles(error: unknown, documents: Documents, target: Target): unknown {
  if (!(error instanceof ApiError) || error.details.length === 0 || documents.length === 0) return error;
  const main = "document" in target ? target.document : undefined;
  const details = placeInFiles(error.details, documents, main);
  if (error.code === "INVALID_DOCUMENT") return problemsError(details);
  return new UsageError(error.message, error.remedy, details);
}
