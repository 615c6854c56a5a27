// Decides a gate by the link of a mail or a robot's message: for the person whom it was written to, or in a group for
// the owner of the token that they give.

import { MflowError } from "@mflow/core/errors";
import type { JobTask } from "@mflow/core/schema/job-task";
import type { Scope } from "@mflow/core/schema/scalars";
import type { FastifyRequest } from "fastify";
import type { Actor } from "../engine/submit.ts";
import type { DecisionLink } from "../listeners/decision-links.ts";
import { actorIn, type Caller, demandRecord } from "./caller.ts";
import type { LinkUse, RefusedLinks } from "./refused-links.ts";
import type { Services } from "./services.ts";
import { sourceOf } from "./source.ts";

/** What the page's form says. */
export interface LinkDecision {
  verdict: "PASS" | "DENY";
  comment?: string;
  token?: string;
}

/** Decides; throws what refuses it, once that is recorded. */
export type LinkDecider = (
  link: DecisionLink,
  decision: LinkDecision,
  request: FastifyRequest,
) => Promise<JobTask>;

type Parts = Pick<Services, "store" | "engine" | "accounts" | "auth">;

/** FORBIDDEN when the user is gone or may not see the task any more; nothing when they may use a link of it. */
export function obstacleOf(
  user: string,
  scope: Scope,
  accounts: Pick<Services["accounts"], "cannotDecide">,
): MflowError | undefined {
  const obstacle = accounts.cannotDecide(user, scope);
  if (obstacle === undefined) return undefined;
  return new MflowError("FORBIDDEN", `${user} may not decide here: ${obstacle}.`);
}

export function linkDecider({ store, engine, accounts, auth }: Parts, refusals: RefusedLinks): LinkDecider {
  async function ownerOf(token: string, from: string): Promise<Caller> {
    const owner = token === "" ? undefined : await auth.authenticate(token, from);
    if (!owner) throw new MflowError("UNAUTHORIZED", "The token is not valid.");
    return owner;
  }

  /** Who decides; notes in `use` as whom, as soon as that is known. */
  async function actorOf(use: LinkUse, token: string, request: FastifyRequest): Promise<Actor> {
    const { link, task } = use;
    const source = sourceOf(request, { via: "LINK", link: link.deliveryId });
    if (link.user !== undefined) {
      use.user = link.user;
      const obstacle = obstacleOf(link.user, task, accounts);
      if (obstacle) throw obstacle;
      return { name: link.user, operator: false, source };
    }
    const caller = await ownerOf(token, request.ip);
    use.user = caller.name;
    demandRecord(caller, "viewer", task, "such task");
    // In a group the link serves everybody once: a gate may need several of them.
    return { ...actorIn(caller, task), source: { ...source, link: `${link.deliveryId}/${caller.name}` } };
  }

  function demandAttempt(link: DecisionLink, task: JobTask): void {
    if (task.attempt === link.attempt) return;
    const message = `The link is for attempt ${link.attempt}; task \`${task.name}\` is in attempt ${task.attempt}.`;
    throw new MflowError("CONTENT_CHANGED", message);
  }

  return async (link, { verdict, comment, token = "" }, request) => {
    const task = await store.runs.task(link.taskId);
    if (!task) throw new MflowError("NOT_FOUND", "The task was deleted.");
    const use: LinkUse = { link, task, verdict };
    let actor: Actor;
    try {
      actor = await actorOf(use, token.trim(), request);
      demandAttempt(link, task);
    } catch (error) {
      if (error instanceof MflowError && error.status < 500) await refusals.note(use, error, request);
      throw error;
    }
    const decision = { verdict, digest: link.digest, ...(comment?.trim() && { comment }) };
    return engine[link.gate](task.id, decision, actor);
  };
}
