// What a role in a scope is good for: each role may do what the ones before it may.

import type { Scope } from "@mflow/core/schema/scalars";
import type { Grant, Role } from "../store/store.ts";

/** A role in a scope, whoever holds it. */
export type HeldRole = Omit<Grant, "user">;

/** Asks for every domain and namespace. */
export const EVERYWHERE: Scope = { domain: "*", namespace: "*" };

export const ADMIN_EVERYWHERE: HeldRole = { role: "admin", ...EVERYWHERE };

const RANK: Readonly<Record<Role, number>> = { viewer: 1, operator: 2, admin: 3 };

/** Whether a held role covers at least `role` in a scope. `*` in the scope asks for every domain or namespace. */
export function covers(held: HeldRole, role: Role, scope: Scope): boolean {
  return (
    RANK[held.role] >= RANK[role] &&
    (held.domain === "*" || held.domain === scope.domain) &&
    (held.namespace === "*" || held.namespace === scope.namespace)
  );
}
