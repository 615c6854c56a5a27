// Whether the server takes changes, and what to do when it does not: for probes and for people.

import { CATALOGUE } from "@mflow/core/errors";
import type { Readiness } from "@mflow/core/schema/api";
import type { Services } from "./services.ts";

/** Without the path of the database, which the refusal names: everybody may ask. */
export async function readinessOf({
  state,
  store,
}: Pick<Services, "state" | "store">): Promise<Pick<Readiness, "status" | "problem">> {
  const status = state();
  const refusal = status === "ready" ? await store.space.refusal() : undefined;
  if (!refusal) return { status };
  const { meaning, remedy } = CATALOGUE[refusal.code];
  return { status: "unwritable", problem: { code: refusal.code, message: meaning, remedy } };
}
