// A new token goes to stdout alone, so that `TOKEN=$(mflow token create)` works; what people should know of it
// goes to stderr.

import type { CreatedToken } from "@mflow/core/schema/account";
import type { Context } from "../context.ts";

export function showToken(context: Context, token: CreatedToken): undefined {
  const until = token.expiresAt ? `, until ${token.expiresAt}` : "";
  context.note(`token \`${token.name}\` (${token.id}) of ${token.user}${until}; it is shown this once`);
  context.note("use it with `export MFLOW_TOKEN=...`");
  return context.print(token.token);
}
