// From where somebody decides through the API, for the decision record.

import type { DecisionSource } from "@mflow/core/schema/decision-record";
import type { FastifyRequest } from "fastify";
import type { Actor } from "../engine/submit.ts";
import { actorIn, type Caller } from "./caller.ts";

/** How the command line names itself. */
const CLI = /^mflow-cli\//;
const MOST_OF_AGENT = 512;

export function sourceOf({ headers, ip }: Pick<FastifyRequest, "headers" | "ip">): DecisionSource {
  const agent = headers["user-agent"];
  const source: DecisionSource = { via: agent !== undefined && CLI.test(agent) ? "CLI" : "API", address: ip };
  if (agent !== undefined) source.userAgent = agent.slice(0, MOST_OF_AGENT);
  return source;
}

/** The caller as the engine knows it, with from where they decide. */
export function deciderIn(
  caller: Caller,
  scope: Parameters<typeof actorIn>[1],
  request: Pick<FastifyRequest, "headers" | "ip">,
): Actor {
  return { ...actorIn(caller, scope), source: sourceOf(request) };
}
