// Roles in scopes as people write them: `role[@namespace[.domain]]`.

import type { GrantBody } from "@mflow/core/schema/account";
import { UsageError } from "../usage-error.ts";

const ROLES: readonly string[] = ["viewer", "operator", "admin"];
const FORM =
  "Write it as role[@namespace[.domain]], e.g. operator@web; roles are viewer, operator and admin.";

/** `admin`, `operator@web` or `viewer@*.corp`; what is left out is every one. */
export function parseGrant(text: string): GrantBody {
  const [role = "", place, ...more] = text.split("@");
  if (!ROLES.includes(role) || more.length > 0) throw new UsageError(`\`${text}\` is no role`, FORM);
  const [namespace = "*", domain = "*", ...rest] = (place ?? "*").split(".");
  if (rest.length > 0 || namespace === "" || domain === "")
    throw new UsageError(`\`${text}\` is no role`, FORM);
  return { role: role as GrantBody["role"], namespace, domain };
}

/** The same, the shortest way. */
export function grantText({ role, namespace = "*", domain = "*" }: GrantBody): string {
  if (domain !== "*") return `${role}@${namespace}.${domain}`;
  return namespace === "*" ? role : `${role}@${namespace}`;
}
