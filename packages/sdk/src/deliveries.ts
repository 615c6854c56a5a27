// Channels, and what was delivered through them.

import type { ApiPage } from "@mflow/core/schema/api";
import type { Channel, ChannelSpec } from "@mflow/core/schema/channel";
import type {
  ChannelTest,
  Delivery,
  DeliveryListQuery,
  DeliveryTarget,
  Resent,
  TestChannelRequest,
} from "@mflow/core/schema/delivery";
import { type IfRevision, ifMatch } from "./catalog.ts";
import { path, type Transport } from "./transport.ts";

export function channelCalls(transport: Transport) {
  return {
    list: () => transport.json<ApiPage<Channel>>({ path: "/channels" }),
    get: (name: string) => transport.json<Channel>({ path: path`/channels/${name}` }),
    /** Makes the channel or replaces its settings; with revision 0 it must be new. */
    put: (name: string, spec: ChannelSpec, condition?: IfRevision) =>
      transport.json<Channel>({
        method: "PUT",
        path: path`/channels/${name}`,
        body: { spec },
        headers: ifMatch(condition),
      }),
    remove: (name: string) => transport.json<void>({ method: "DELETE", path: path`/channels/${name}` }),
    /** Sends a test message, once. */
    test: (name: string, request: TestChannelRequest = {}) =>
      transport.json<ChannelTest>({ method: "POST", path: path`/channels/${name}/test`, body: request }),
  };
}

export function deliveryCalls(transport: Transport) {
  return {
    list: (query: DeliveryListQuery = {}) =>
      transport.json<ApiPage<Delivery>>({ path: "/deliveries", query }),
    /** With all its attempts. */
    get: (id: string) => transport.json<Delivery>({ path: path`/deliveries/${id}` }),
    /** Sends a dead delivery again. */
    resend: (id: string) => transport.json<Resent>({ method: "POST", path: path`/deliveries/${id}/resend` }),
    /** Sends all dead deliveries of a target again. */
    resendAll: (target: string) =>
      transport.json<Resent>({ method: "POST", path: "/deliveries/resend", body: { target } }),
    targets: () => transport.json<ApiPage<DeliveryTarget>>({ path: "/delivery-targets" }),
    /** Nothing is sent to the target until it is resumed. */
    pause: (target: string, paused: boolean) =>
      transport.json<DeliveryTarget>({
        method: "POST",
        path: "/delivery-targets/pause",
        body: { target, paused },
        repeatable: true,
      }),
  };
}
