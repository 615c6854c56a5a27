// Makes of a start request what the supervisor is told: the steps, where they work, and their environment.

import { isAbsolute } from "node:path";
import { checkedSpec } from "@mflow/core/checked-spec";
import { parseDuration } from "@mflow/core/duration";
import { MflowError } from "@mflow/core/errors";
import type { Keep } from "@mflow/core/keep";
import { SYSTEM_PARAMS } from "@mflow/core/params";
import { MAX_RUNTIME_ENV_BYTES, MAX_RUNTIME_ENVS } from "@mflow/core/schema/request";
import { ShellSpec, type ShellStep } from "@mflow/core/schema/runner-spec";
import { cachePathsHash } from "../cache-paths.ts";
import type { StartRequest } from "../runner.ts";
import type { StepUser } from "./step-user.ts";
import type { FilesPlan, StartMessage, StepPlan, Workspace } from "./supervisor/protocol.ts";

/** Longest markdown of a task. */
const MARKDOWN_BYTES = 256 * 1024;

export interface StepSettings {
  user: StepUser;
  /** Steps run as another user than the server. */
  otherUser: boolean;
  /** Where steps find programs. */
  path: string;
  graceMs: number;
  limits: { bytesPerTask: number; bytesPerSecond: number };
  /** Bytes of one artifact or cache. */
  artifactBytes: number;
}

/** Throws RUNNER_REFUSED when the rendered spec is not valid. */
export function startMessage(request: StartRequest, settings: StepSettings): StartMessage {
  const spec = checkedSpec(ShellSpec, request.spec);
  const { user, limits } = settings;
  const message: StartMessage = {
    type: "start",
    ref: { taskId: request.taskId, attempt: request.attempt },
    steps: spec.steps.map((step, index) => stepPlan(step, index, request)),
    workspace: workspaceOf(spec, request),
    env: {
      PATH: settings.path,
      HOME: user.home,
      USER: user.name,
      LOGNAME: user.name,
      LANG: "C.UTF-8",
      TERM: "dumb",
      CI: "true",
      ...request.env,
      ...withoutSystem(spec.env, request),
    },
    secrets: request.secrets,
    graceMs: settings.graceMs,
    limits: {
      ...limits,
      runtimeEnvs: MAX_RUNTIME_ENVS,
      runtimeEnvBytes: MAX_RUNTIME_ENV_BYTES,
      markdownBytes: MARKDOWN_BYTES,
    },
  };
  if (request.keep) message.files = filesPlan(request.keep, settings.artifactBytes);
  if (settings.otherUser) message.owner = { uid: user.uid, gid: user.gid };
  return message;
}

function filesPlan({ artifacts, fetch, caches }: Keep, limit: number): FilesPlan {
  return {
    fetch,
    limit,
    artifacts: artifacts.map(({ name, path, optional = false, when, retention }) => ({
      ...{ name, path, optional, always: when === "ALWAYS" },
      ...(retention !== undefined && { retentionMs: parseDuration(retention) }),
    })),
    caches: caches.map(({ key: { prefix, files = [] }, paths, when }) => ({
      ...{ files, paths, pathsHash: cachePathsHash(paths), always: when === "ALWAYS" },
      ...(prefix !== undefined && { prefix }),
    })),
  };
}

function stepPlan(step: ShellStep, index: number, request: StartRequest): StepPlan {
  const plan: StepPlan = {
    name: step.name ?? `step-${index + 1}`,
    script: step.run,
    env: withoutSystem(step.env, request),
    continueOnError: step.continueOnError ?? false,
    keepProcesses: step.keepProcesses ?? false,
  };
  if (step.shell !== undefined) plan.shell = shellWords(step.shell);
  if (step.workdir !== undefined) plan.workdir = step.workdir;
  if (step.timeout !== undefined) plan.timeoutMs = parseDuration(step.timeout);
  return plan;
}

function workspaceOf({ workspace = "task" }: ShellSpec, request: StartRequest): Workspace {
  if (workspace === "task") return { kind: "task" };
  if (workspace === "run") return { kind: "run", aggregateId: request.pipelineTaskId ?? request.taskId };
  if (isAbsolute(workspace)) return { kind: "path", path: workspace };
  const message = `workspace '${workspace}' is neither \`task\`, \`run\` nor an absolute path`;
  throw new MflowError("RUNNER_REFUSED", message, [{ path: "/runnerSpec/workspace", message }]);
}

/** Variables of a spec as texts, but for those that only the system sets. */
function withoutSystem(env: ShellSpec["env"], request: StartRequest): Record<string, string> {
  const system = new Set<string>(SYSTEM_PARAMS);
  const kept = Object.entries(env ?? {}).filter(([name]) => !system.has(name) || !(name in request.env));
  return Object.fromEntries(kept.map(([name, value]) => [name, String(value)]));
}

/** How shells that people name without arguments take a script, like the default `sh -ec`. */
const SCRIPT_ARGUMENTS: Readonly<Record<string, readonly string[]>> = {
  sh: ["-ec"],
  dash: ["-ec"],
  bash: ["-eo", "pipefail", "-c"],
  zsh: ["-ec"],
  ksh: ["-ec"],
  python: ["-c"],
  python3: ["-c"],
  node: ["-e"],
};

/** Program and arguments before the script. */
function shellWords(shell: string): string[] {
  const words = shell.split(/\s+/).filter((word) => word !== "");
  const [program = ""] = words;
  const name = program.slice(program.lastIndexOf("/") + 1);
  return words.length === 1 ? [...words, ...(SCRIPT_ARGUMENTS[name] ?? [])] : words;
}
