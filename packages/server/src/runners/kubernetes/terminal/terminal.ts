// A terminal in the work of an attempt: in the container while it runs, in a copy of its pod once it has ended. Nothing of
// a session outlives it: the copy is removed, and what a session started in a running container is ended.

import { MflowError } from "@mflow/core/errors";
import type { KubePod } from "@mflow/core/kubernetes/kube-objects";
import { troubleOf } from "@mflow/core/kubernetes/trouble";
import { didYouMean } from "@mflow/core/nearest";
import type { Terminal, TerminalEnd, TerminalRequest } from "../../runner.ts";
import { type ClusterClient, KubeError } from "../api/cluster-client.ts";
import type { CleanUps } from "./clean-ups.ts";
import { makeDebugCopy, removeDebugCopy } from "./debug-copy.ts";
import { containersOf, statusOf } from "./debug-pod.ts";
import { endSession, MARKER } from "./end-session.ts";
import { type Exec, type ExecPlace, runInContainer, startExec } from "./exec.ts";

/** Where the work of an attempt is, or was. */
export interface TerminalPlace {
  namespace: string;
  /** Name of the pod. */
  pod: string;
  installation: string;
}

const DEFAULT_CONTAINER_ANNOTATION = "kubectl.kubernetes.io/default-container";
/** The best shell that there is. */
const SHELL = "exec $(command -v bash || command -v ash || echo sh)";

/**
 * Opens a terminal in a container of the pod, or, when it has ended, in a copy of it. Rejects with NOT_FOUND for a container
 * that the pod has not, with CONFLICT when it does not run yet, is gone, or has no shell, with RUNNER_REFUSED when the
 * cluster does not allow it, with UNAVAILABLE when it does not answer. `cleanUps` names the session, and sees to what it
 * leaves.
 */
export async function openPodTerminal(
  client: ClusterClient,
  place: TerminalPlace,
  request: TerminalRequest,
  cleanUps: CleanUps,
): Promise<Terminal> {
  try {
    const pod = await client.get<KubePod>(`/api/v1/namespaces/${place.namespace}/pods/${place.pod}`);
    const container = chooseContainer(pod, request.container);
    return isRunning(pod, container)
      ? await openInRunning(client, pod, { ...place, container }, request, cleanUps)
      : await openInCopy(client, pod, { ...place, container }, request, cleanUps);
  } catch (error) {
    throw refusal(error, place);
  }
}

/** Name of the wanted container; else of the one that the pod's annotation names, else of the first. */
export function chooseContainer(pod: KubePod, wanted: string | undefined): string {
  const names = containersOf(pod).map(({ name }) => name);
  const suggested = pod.metadata?.annotations?.[DEFAULT_CONTAINER_ANNOTATION];
  const chosen = wanted ?? (suggested !== undefined && names.includes(suggested) ? suggested : names[0]);
  if (chosen !== undefined && names.includes(chosen)) return chosen;
  const there = names.map((name) => `\`${name}\``).join(", ");
  throw new MflowError(
    "NOT_FOUND",
    `The pod has no container \`${wanted}\`${didYouMean(wanted ?? "", names)}; there ${names.length === 1 ? "is" : "are"} ${there}.`,
  );
}

/** Whether the container runs; it has ended otherwise. Throws CONFLICT when it is still to come. */
export function isRunning(pod: KubePod, container: string): boolean {
  const { phase } = pod.status ?? {};
  const status = statusOf(pod, container);
  if (status?.state?.running) return true;
  if (phase === "Succeeded" || phase === "Failed") return false;
  // One that is started again and again has ended too, for now.
  if (status?.state?.terminated || status?.lastState?.terminated) return false;
  const why = troubleOf(pod, [])?.message ?? status?.state?.waiting?.reason ?? "the pod has no node yet";
  throw new MflowError("CONFLICT", `Container \`${container}\` does not run yet: ${why}.`);
}

async function openInRunning(
  client: ClusterClient,
  pod: KubePod,
  place: TerminalPlace & ExecPlace,
  request: TerminalRequest,
  cleanUps: CleanUps,
): Promise<Terminal> {
  const session = cleanUps.newSession();
  const containerId = statusOf(pod, place.container)?.containerID;
  const hasShell = await shellIn(client, place);
  if (!hasShell && request.command === undefined) {
    throw new MflowError(
      "CONFLICT",
      `Container \`${place.container}\` has no /bin/sh: name a program that it has, e.g. \`mflow debug TASK -- PROGRAM\`.`,
    );
  }
  const command = hasShell ? marked(request.command, session) : (request.command ?? []);
  const exec = await startExec(client, place, { command, isTerminal: true, output: request.output });
  return terminalOf(exec, { container: place.container, isCopy: false }, request, async () => {
    if (!hasShell) return;
    const what = `processes of terminal ${session} in pod ${place.pod} in namespace ${place.namespace}`;
    await cleanUps.run(what, () => endSession(client, { ...place, containerId }, session));
  });
}

async function openInCopy(
  client: ClusterClient,
  pod: KubePod,
  { namespace, container, installation }: TerminalPlace & ExecPlace,
  request: TerminalRequest,
  cleanUps: CleanUps,
): Promise<Terminal> {
  const session = cleanUps.newSession();
  const { signal, command, output } = request;
  const parts = { namespace, container, session, installation, signal, cleanUps };
  const name = await makeDebugCopy(client, pod, parts);
  const remove = () => removeDebugCopy(client, namespace, name, cleanUps);
  try {
    const place = { namespace, pod: name, container };
    const exec = await startExec(client, place, {
      ...{ command: marked(command, session), isTerminal: true, output },
    });
    return terminalOf(exec, { container, isCopy: true }, request, remove);
  } catch (error) {
    await remove();
    throw error;
  }
}

/** The session of a program; `cleanUp` removes what it leaves, and never rejects. */
function terminalOf(
  exec: Exec,
  facts: Pick<Terminal, "container" | "isCopy">,
  { columns, rows, signal }: TerminalRequest,
  cleanUp: () => Promise<void>,
): Terminal {
  let closed: string | undefined;
  const close = (reason: string) => {
    closed ??= reason;
    exec.hangUp();
  };
  if (signal?.aborted) close("nobody waits for it any more");
  exec.resize(columns, rows);
  const ended = exec.ended.then(async (end): Promise<TerminalEnd> => {
    await cleanUp();
    if (closed !== undefined) return { reason: closed };
    const { exitCode, reason } = end;
    return exitCode === undefined ? { reason } : { exitCode };
  });
  return { ...facts, write: exec.write, resize: exec.resize, close, ended };
}

/** The command, or a shell, in an environment that says that it is a terminal, and of which session. */
function marked(command: string[] | undefined, session: string): string[] {
  const set = `TERM=xterm-256color ${MARKER}=${session}; export TERM ${MARKER}`;
  if (command === undefined) return ["/bin/sh", "-c", `${set}; ${SHELL}`];
  return ["/bin/sh", "-c", `${set}; exec "$@"`, "sh", ...command];
}

async function shellIn(client: ClusterClient, place: ExecPlace): Promise<boolean> {
  const { exitCode, reason, isMissing } = await runInContainer(client, place, ["/bin/sh", "-c", ":"]);
  if (exitCode === undefined && !isMissing)
    throw new MflowError("CONFLICT", `Nothing can be run in it: ${reason}.`);
  return exitCode === 0;
}

function refusal(error: unknown, { namespace, pod }: TerminalPlace): unknown {
  if ((error as Error).name === "AbortError")
    return new MflowError("UNAVAILABLE", "Nobody waited for the terminal.");
  if (!(error instanceof KubeError)) return error;
  if (error.status === 404) {
    return new MflowError(
      "CONFLICT",
      `Pod ${pod} is gone: what ended is kept for \`keepFor\` or, after a failure, \`keepFailedFor\` of its job or cluster; raise it, and run the task again.`,
    );
  }
  if (error.status === 403) {
    return new MflowError(
      "RUNNER_REFUSED",
      `The cluster does not allow a terminal in namespace \`${namespace}\`: ${error.message}. \`mflow cluster check\` prints the permissions that are missing.`,
    );
  }
  if (error.isRetryable)
    return new MflowError("UNAVAILABLE", `The cluster does not answer: ${error.message}`);
  return new MflowError("CONFLICT", `The cluster refused a terminal: ${error.message}`);
}
