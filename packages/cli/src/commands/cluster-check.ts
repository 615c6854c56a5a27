// What checking a cluster found, for people: what is missing in words, and the Role that grants it.

import type { ClusterCheck, MissingPermission, NamespaceCheck } from "@mflow/core/schema/cluster-check";
import type { Context } from "../context.ts";
import { fill, plainLine, wrap } from "../display/width.ts";
import { EXIT } from "../exit-code.ts";

const WIDEST = 100;

export interface CheckOptions {
  /** Another namespace that was looked at. */
  namespace?: string;
  /** The Roles alone. */
  role?: boolean;
}

/** Writes what was found, as the options ask; answers with the exit code. */
export async function printCheck(
  context: Context,
  name: string,
  check: ClusterCheck,
  { namespace, role: onlyRole = false }: CheckOptions,
): Promise<number> {
  const code = check.ok ? EXIT.ok : EXIT.failed;
  const roles = check.namespaces.flatMap(({ role }) => role ?? []).join("---\n");
  if (context.documentFormat) await context.printDocument(check);
  else if (onlyRole) {
    if (roles !== "") context.io.stdout.write(roles);
    else context.note(check.problem ?? `nothing is missing in cluster ${name}`);
  } else {
    for (const line of checkLines(name, check, textWidth(context))) context.print(line);
    if (roles !== "") {
      context.note(`this grants it: ${grantCommand(context.command, name, namespace)}`);
      context.print(`\n${roles.trimEnd()}`);
    }
  }
  return code;
}

/** What grants what is missing, in the namespaces that were looked at. */
export function grantCommand(mflow: string, name: string, namespace?: string): string {
  const too = namespace === undefined ? "" : ` --namespace ${namespace}`;
  return `${mflow} cluster check ${name}${too} --role | kubectl apply -f -`;
}

/** Columns that text of several words takes at most. */
export function textWidth({ io: { stdout } }: Context): number {
  return Math.min((stdout.isTTY && stdout.columns) || 80, WIDEST);
}

/** Lines of at most `width` columns. */
export function checkLines(name: string, check: ClusterCheck, width: number): string[] {
  const { reachable, problem = "it did not say why", server, version, user, namespaces } = check;
  if (!reachable) return wrap(`cluster ${name} cannot be used: ${plainLine(problem)}`, width);
  const facts = [server, version && `Kubernetes ${version}`, user && `as ${user}`].filter(Boolean).join(", ");
  return [
    ...wrap(plainLine(`cluster ${name} answers: ${facts}`), width),
    ...namespaces.flatMap((namespace) => namespaceLines(namespace, width)),
  ];
}

function namespaceLines({ namespace, exists, missing }: NamespaceCheck, width: number): string[] {
  const needed = missing.filter(({ optional }) => !optional);
  const optional = missing.filter((one) => one.optional);
  const lines: string[] = [];
  if (exists === false) {
    const remedy = `kubectl create namespace ${namespace}`;
    lines.push(...wrap(`namespace ${namespace} does not exist; make it: ${remedy}`, width));
  }
  if (needed.length > 0) {
    lines.push(`namespace ${namespace}: tasks cannot run without these permissions`);
    lines.push(...permissionLines(needed, width));
  }
  if (optional.length > 0) {
    lines.push(`namespace ${namespace}: tasks run, but these permissions are missing`);
    lines.push(...permissionLines(optional, width));
  }
  if (lines.length === 0) lines.push(`namespace ${namespace}: nothing is missing`);
  return lines;
}

function permissionLines(permissions: readonly MissingPermission[], width: number): string[] {
  const cells = permissions.map(({ resource, verbs, why }) => ({
    what: `${resource}: ${verbs.join(", ")}`,
    why: `to ${why}`,
  }));
  const column = Math.min(Math.max(...cells.map(({ what }) => what.length)), Math.floor(width / 2) - 4);
  return cells.flatMap(({ what, why }) => {
    const left = wrap(what, column);
    const right = wrap(why, width - column - 4);
    return Array.from({ length: Math.max(left.length, right.length) }, (_, index) =>
      `  ${fill(left[index] ?? "", column)}  ${right[index] ?? ""}`.trimEnd(),
    );
  });
}
