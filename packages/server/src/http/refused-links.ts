// Links of messages that decided nothing, in the decision record: those that had expired, and those that were refused
// before a rule of the gate was asked. What the rules refuse the engine records itself.

import type { MflowError } from "@mflow/core/errors";
import { upperKind } from "@mflow/core/gate";
import type { NewDecisionRecord } from "@mflow/core/schema/decision-record";
import type { JobTask } from "@mflow/core/schema/job-task";
import type { FastifyRequest } from "fastify";
import { RefusalLimit } from "../engine/refusal-limit.ts";
import type { DecisionLink } from "../listeners/decision-links.ts";
import type { Store } from "../store/store.ts";
import { sourceOf } from "./source.ts";

/** So many expired links are remembered, so that each joins the record once. */
const REMEMBERED = 1000;
/** Rows a minute for the refused uses of one link by one person. */
const ROWS_PER_MINUTE = 20;

/** Who tried what with a link; `user` is absent where nobody knows. */
export interface LinkUse {
  link: DecisionLink;
  task: JobTask;
  user?: string;
  verdict: "PASS" | "DENY";
}

type From = Pick<FastifyRequest, "headers" | "ip" | "log">;

export class RefusedLinks {
  readonly #store: Pick<Store, "records" | "runs">;
  readonly #expired = new Set<string>();
  readonly #limit = new RefusalLimit(ROWS_PER_MINUTE);

  constructor(store: Pick<Store, "records" | "runs">) {
    this.#store = store;
  }

  async noteExpired(link: DecisionLink, request: From): Promise<void> {
    if (this.#expired.has(link.deliveryId)) return;
    this.#expired.add(link.deliveryId);
    for (const oldest of this.#expired) {
      if (this.#expired.size <= REMEMBERED) break;
      this.#expired.delete(oldest);
    }
    const task = await this.#store.runs.task(link.taskId);
    if (!task) return;
    const rule = `the link expired at ${new Date(link.expiresAt).toISOString()}`;
    await this.#append(link, task, request, {
      ...(link.user !== undefined && { user: link.user }),
      ...{ rule, code: "LINK_EXPIRED" },
    });
  }

  /** Records one that was refused by `problem`, unless there were too many. The refusal stands if it cannot be. */
  async note({ link, task, user, verdict }: LinkUse, problem: MflowError, request: From): Promise<void> {
    const { log } = request;
    const { deliveryId } = link;
    const mayJoin = this.#limit.take(`${deliveryId} ${user}`, Date.now(), {
      began: () =>
        log.warn({ deliveryId, user }, "a decision link is refused again and again; the rest is counted"),
      ended: (count) =>
        log.warn({ deliveryId, user, count }, "refusals of a decision link were not recorded"),
    });
    if (!mayJoin) return;
    try {
      const { message: rule, code } = problem;
      await this.#append(link, task, request, { ...(user !== undefined && { user }), verdict, rule, code });
    } catch (error) {
      log.error({ err: error, deliveryId }, "a refused decision link could not be recorded");
    }
  }

  async #append(
    link: DecisionLink,
    { id, name, domain, namespace, pipelineTaskId }: JobTask,
    request: From,
    what: Pick<NewDecisionRecord, "user" | "verdict" | "rule" | "code">,
  ): Promise<void> {
    await this.#store.records.append([
      {
        ...{ at: new Date().toISOString(), domain, namespace },
        ...(pipelineTaskId !== undefined && { pipelineTaskId }),
        ...{ taskId: id, taskName: name, attempt: link.attempt, gate: upperKind(link.gate) },
        ...{ act: "REFUSE", ...what, digest: link.digest },
        source: sourceOf(request, { via: "LINK", link: link.deliveryId }),
      },
    ]);
  }
}
