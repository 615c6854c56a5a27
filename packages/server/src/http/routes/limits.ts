// Limits: how many tasks of a scope or a type of runner may be under way at once, which admins set.

import { MflowError } from "@mflow/core/errors";
import { LIMIT_PATTERN, Limit, LimitPage, PutLimitRequest } from "@mflow/core/schema/limit";
import { demand } from "../caller.ts";
import { type Route, route } from "../route.ts";
import type { Services } from "../services.ts";

const tag = "Limits";
const named = "`name` is what is limited, with each `/` written as `%2F`, e.g. `scope%2Fcorp%2Fweb`.";
const limitName = new RegExp(LIMIT_PATTERN);

export function limitRoutes({ limits }: Services): Route[] {
  return [
    route({
      method: "GET",
      path: "/limits",
      id: "listLimits",
      tag,
      summary: "List all limits",
      description: "Needs viewer everywhere.",
      access: "caller",
      successes: { 200: { description: "All limits, by name.", schema: LimitPage } },
      errors: [],
      async handle(_call, caller) {
        demand(caller, "viewer");
        return { body: { items: limits.list() } };
      },
    }),
    route({
      method: "PUT",
      path: "/limits/:name",
      id: "putLimit",
      tag,
      summary: "Set a limit",
      description: `Holds at once for what starts; what runs goes on. ${named} Needs admin everywhere.`,
      access: "caller",
      headers: ["If-Match"],
      body: PutLimitRequest,
      successes: {
        200: { description: "The limit.", schema: Limit },
        201: { description: "A new limit.", schema: Limit },
      },
      errors: ["BAD_REQUEST", "NAME_TAKEN", "STALE_REVISION"],
      async handle({ params, body, revisions }, caller) {
        demand(caller, "admin");
        const name = params.name ?? "";
        if (!limitName.test(name)) {
          throw new MflowError(
            "BAD_REQUEST",
            `\`${name}\` cannot be limited; name \`scope/DOMAIN\`, \`scope/DOMAIN/NAMESPACE\`, or \`runner/TYPE\` with one of K8S_JOB, SHELL, FAKE and MANUAL`,
          );
        }
        const limit = await limits.put(name, body.spec, caller.name, revisions?.[0]);
        return { status: limit.revision === 1 ? 201 : 200, body: limit, revision: limit.revision };
      },
    }),
    route({
      method: "DELETE",
      path: "/limits/:name",
      id: "deleteLimit",
      tag,
      summary: "Take a limit away",
      description: `Who waits for it goes on at once. ${named} Needs admin everywhere.`,
      access: "caller",
      successes: { 204: { description: "It is gone." } },
      errors: ["NOT_FOUND"],
      async handle({ params }, caller) {
        demand(caller, "admin");
        await limits.remove(params.name ?? "", caller.name);
        return {};
      },
    }),
  ];
}
