// From where somebody decides, for the decision record.

import type { DecisionSource } from "@mflow/core/schema/decision-record";
import type { FastifyRequest } from "fastify";
import type { Actor } from "../engine/submit.ts";
import { actorIn, type Caller } from "./caller.ts";

/** How the command line names itself. */
const CLI = /^mflow-cli\//;
const MOST_OF_AGENT = 512;

/** `by`: the way, where it is not the API, with the delivery whose link or card was used. */
export function sourceOf(
  { headers, ip }: Pick<FastifyRequest, "headers" | "ip">,
  by?: Pick<DecisionSource, "via" | "link">,
): DecisionSource {
  const agent = headers["user-agent"];
  const via = agent !== undefined && CLI.test(agent) ? "CLI" : "API";
  const source: DecisionSource = { via, address: ip, ...by };
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
