// Deliveries: what was sent to whom, how it went, and what an operator does about it.

import { MflowError } from "@mflow/core/errors";
import { DEFAULT_PAGE_SIZE } from "@mflow/core/schema/api";
import {
  Delivery,
  DeliveryListQuery,
  DeliveryPage,
  DeliveryTarget,
  PauseRequest,
  ResendRequest,
  Resent,
  TargetPage,
} from "@mflow/core/schema/delivery";
import { targetOfChannel } from "../../listeners/hub.ts";
import type { Role } from "../../store/store.ts";
import { type Caller, demand, demandRecord, listScope } from "../caller.ts";
import { type Call, type Route, route } from "../route.ts";
import type { Services } from "../services.ts";

const tag = "Deliveries";

export function deliveryRoutes({ store, channels, dispatcher }: Services): Route[] {
  const { deliveries } = store;

  async function find(call: Call<unknown, unknown>, caller: Caller, role: Role): Promise<Delivery> {
    const { id = "" } = call.params;
    return demandRecord(caller, role, await deliveries.find(id), `delivery \`${id}\``);
  }

  function shown(target: Omit<DeliveryTarget, "openUntil">): DeliveryTarget {
    const openUntil = dispatcher.openUntil(target.target);
    return { ...target, ...(openUntil !== undefined && { openUntil }) };
  }

  /** A target of which the store has nothing to tell, if there can be one of this name. */
  function idle(target: string): DeliveryTarget | undefined {
    const kind = dispatcher.kindOf(target);
    return kind && shown({ target, kind, pending: 0, dead: 0 });
  }

  /** The targets of which there is something to tell; that one fails is in memory alone. */
  async function targets(): Promise<DeliveryTarget[]> {
    const stored = (await deliveries.targets()).map(shown);
    const names = new Set(stored.map(({ target }) => target));
    const failing = dispatcher.failing().flatMap((name) => (names.has(name) ? [] : (idle(name) ?? [])));
    return [...stored, ...failing].sort((a, b) => (a.target < b.target ? -1 : 1));
  }

  async function findTarget(name: string): Promise<DeliveryTarget> {
    const all = await targets();
    const found = all.find(({ target }) => target === name) ?? idle(name);
    if (found) return found;
    const ofChannels = channels.list().map((channel) => targetOfChannel(channel.name));
    const there = [...new Set([...ofChannels, ...all.map(({ target }) => target)])];
    const names = there.map((target) => `\`${target}\``).join(", ");
    throw new MflowError(
      "NOT_FOUND",
      `There is no target \`${name}\`; ${names ? `there are ${names}` : "there is none yet"}.`,
    );
  }

  return [
    route({
      method: "GET",
      path: "/deliveries",
      id: "listDeliveries",
      tag,
      summary: "List deliveries, newest first",
      access: "caller",
      query: DeliveryListQuery,
      successes: { 200: { description: "A page of deliveries.", schema: DeliveryPage } },
      errors: [],
      async handle({ query }, caller) {
        const { domain, namespace, limit, cursor, state: states, target, pipelineTaskId, taskId } = query;
        const page = await deliveries.list({
          scope: listScope(caller, { domain, namespace }),
          limit: limit ?? DEFAULT_PAGE_SIZE,
          cursor,
          states,
          target,
          pipelineTaskId,
          taskId,
        });
        return { body: page };
      },
    }),
    route({
      method: "GET",
      path: "/deliveries/:id",
      id: "getDelivery",
      tag,
      summary: "Get a delivery with all its attempts",
      access: "caller",
      successes: { 200: { description: "The delivery.", schema: Delivery } },
      errors: ["NOT_FOUND"],
      async handle(call, caller) {
        return { body: await find(call, caller, "viewer") };
      },
    }),
    route({
      method: "POST",
      path: "/deliveries/:id/resend",
      id: "resendDelivery",
      tag,
      summary: "Send a dead delivery again",
      description: "With the same message id, and before what waits behind it. Needs operator.",
      access: "caller",
      successes: { 200: { description: "It is sent again.", schema: Resent } },
      errors: ["NOT_FOUND", "CONFLICT"],
      async handle(call, caller) {
        const { id, target } = await find(call, caller, "operator");
        const resent = await deliveries.resend({ id }, Date.now());
        dispatcher.wake(target);
        return { body: { resent } };
      },
    }),
    route({
      method: "POST",
      path: "/deliveries/resend",
      id: "resendDeliveries",
      tag,
      summary: "Send all dead deliveries of a target again",
      description: "In their order. Needs operator everywhere.",
      access: "caller",
      body: ResendRequest,
      successes: { 200: { description: "How many are sent again.", schema: Resent } },
      errors: ["NOT_FOUND"],
      async handle({ body }, caller) {
        demand(caller, "operator");
        const { target } = await findTarget(body.target);
        const resent = await deliveries.resend({ target }, Date.now());
        dispatcher.wake(target);
        return { body: { resent } };
      },
    }),
    route({
      method: "GET",
      path: "/delivery-targets",
      id: "listDeliveryTargets",
      tag,
      summary: "List targets: where messages go, what waits, what is paused or failing",
      description: "Needs viewer everywhere.",
      access: "caller",
      successes: { 200: { description: "All targets.", schema: TargetPage } },
      errors: [],
      async handle(_call, caller) {
        demand(caller, "viewer");
        return { body: { items: await targets() } };
      },
    }),
    route({
      method: "POST",
      path: "/delivery-targets/pause",
      id: "pauseDeliveryTarget",
      tag,
      summary: "Pause or resume a target",
      description:
        "What waits for it stays, in order, and goes out when it is resumed. Needs operator everywhere.",
      access: "caller",
      body: PauseRequest,
      successes: { 200: { description: "The target.", schema: DeliveryTarget } },
      errors: ["NOT_FOUND"],
      async handle({ body }, caller) {
        demand(caller, "operator");
        const { target, kind } = await findTarget(body.target);
        if (body.paused) await deliveries.pause(target, kind, caller.name, new Date().toISOString());
        else await deliveries.resume(target);
        dispatcher.wake(target);
        return { body: await findTarget(target) };
      },
    }),
  ];
}
