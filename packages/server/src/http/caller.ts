// Who makes a request, and what they may do where.

import { MflowError } from "@mflow/core/errors";
import type { Scope } from "@mflow/core/schema/scalars";
import type { Caller } from "../auth/authenticate.ts";
import { covers, EVERYWHERE } from "../auth/roles.ts";
import type { Actor } from "../engine/submit.ts";
import type { Role } from "../store/store.ts";

export type { Caller };

/** Finds out who has a token. */
export interface Authenticator {
  /**
   * The token's owner; nothing when it is nobody's, has expired, or its owner is disabled. `from` is the
   * address it came from. Rejects with TOO_MANY_REQUESTS when too many wrong ones came from there.
   */
  authenticate(token: string, from: string): Promise<Caller | undefined>;
}

/** Whether a caller has at least a role in a scope. `*` in the scope asks for every domain or namespace. */
export function may(caller: Caller, role: Role, scope: Scope): boolean {
  return caller.grants.some((grant) => covers(grant, role, scope));
}

function nameOf(scope: Scope): string {
  if (scope.domain === "*" && scope.namespace === "*") return "in every scope";
  return `in namespace ${scope.namespace} of domain ${scope.domain}`;
}

/** Throws FORBIDDEN unless the caller has at least the role in the scope; without one, in every scope. */
export function demand(caller: Caller, role: Role, scope: Scope = EVERYWHERE): void {
  if (may(caller, role, scope)) return;
  throw new MflowError("FORBIDDEN", `${caller.name} needs the role ${role} ${nameOf(scope)}.`);
}

/**
 * The record, when there is one that the caller may see, and act on in the role. To who may not see it, it
 * does not exist.
 */
export function demandRecord<T extends Scope>(
  caller: Caller,
  role: Role,
  record: T | undefined,
  what: string,
): T {
  if (!record || !may(caller, "viewer", record)) throw new MflowError("NOT_FOUND", `There is no ${what}.`);
  demand(caller, role, record);
  return record;
}

/** As `demandRecord`, of a run. */
export function demandRun<T extends Scope>(
  caller: Caller,
  role: Role,
  run: T | undefined,
  id: string | undefined,
): T {
  return demandRecord(caller, role, run, missing("run", id));
}

/** As `demandRecord`, of a task. */
export function demandTask<T extends Scope>(
  caller: Caller,
  role: Role,
  task: T | undefined,
  id: string | undefined,
): T {
  return demandRecord(caller, role, task, missing("task", id));
}

/** What there is not; who named something else, such as a pipeline, is told what names a run or task. */
export function missing(kind: "run" | "task", id = ""): string {
  const other = kind === "run" ? "task" : "run";
  if (id.startsWith(`${kind}-`)) return `${kind} \`${id}\``;
  if (id.startsWith(`${other}-`)) return `${kind} \`${id}\`: that is the id of a ${other}`;
  const names = "runs and tasks are named by their ids, `run-...` and `task-...`";
  return `${kind} \`${id}\`; ${names} (\`mflow get runs\`, \`mflow get tasks\`)`;
}

/** The caller as the engine knows it, acting on something of a scope. */
export function actorIn(caller: Caller, scope: Scope): Actor {
  return { name: caller.name, operator: may(caller, "operator", scope) };
}

/** What two scope parts have in common; nothing when they exclude each other. */
function common(a: string, b: string): string | undefined {
  if (a === "*" || a === b) return b;
  return b === "*" ? a : undefined;
}

/**
 * The scope that a list is narrowed to: the one asked for, or the part of it that the caller may see when one
 * filter can say that. Throws FORBIDDEN when the caller may see nothing of it, or has to choose.
 */
export function listScope(caller: Caller, asked: Partial<Scope>): Partial<Scope> {
  const wanted = { domain: asked.domain ?? "*", namespace: asked.namespace ?? "*" };
  if (may(caller, "viewer", wanted)) return asked;
  const visible = new Map<string, Partial<Scope>>();
  for (const grant of caller.grants) {
    const domain = common(wanted.domain, grant.domain);
    const namespace = common(wanted.namespace, grant.namespace);
    if (domain === undefined || namespace === undefined) continue;
    visible.set(`${namespace}.${domain}`, {
      domain: domain === "*" ? undefined : domain,
      namespace: namespace === "*" ? undefined : namespace,
    });
  }
  const [only, ...others] = visible.values();
  if (!only) demand(caller, "viewer", wanted);
  if (only && others.length === 0) return only;
  const choices = [...visible.keys()].sort().join(", ");
  throw new MflowError(
    "FORBIDDEN",
    `Say which \`domain\` and \`namespace\`: ${caller.name} may see ${choices}, and a list is of one of them.`,
  );
}
