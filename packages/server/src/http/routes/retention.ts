// What retention lets go, now and on request.

import { ScopeQuery } from "@mflow/core/schema/api";
import { CleanupRequest, CleanupResult } from "@mflow/core/schema/retention";
import { EVERYWHERE } from "../../auth/roles.ts";
import { actorIn, demand } from "../caller.ts";
import { type Route, route } from "../route.ts";
import type { Services } from "../services.ts";

export function retentionRoutes({ retention }: Services): Route[] {
  return [
    route({
      method: "POST",
      path: "/cleanup",
      id: "cleanUp",
      tag: "Retention",
      summary: "Delete the ended runs that retention lets go",
      description:
        "By the rules of the pipelines and the server, or by `retention` instead. What is needed stays: unfinished runs, " +
        "and the last success of each pipeline and of each of its tasks. `dryRun` deletes nothing and needs viewer; " +
        "else it needs admin. Without `domain` and `namespace` in every scope.",
      access: "caller",
      query: ScopeQuery,
      body: CleanupRequest,
      bodyOptional: true,
      successes: { 200: { description: "What went, or would go.", schema: CleanupResult } },
      errors: ["BAD_REQUEST"],
      async handle({ query, body }, caller) {
        const scope = {
          domain: query.domain ?? EVERYWHERE.domain,
          namespace: query.namespace ?? EVERYWHERE.namespace,
        };
        demand(caller, body.dryRun ? "viewer" : "admin", scope);
        return { body: await retention.cleanup(body, query, actorIn(caller, scope)) };
      },
    }),
  ];
}
