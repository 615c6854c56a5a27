// Channels: the ways out of the server, which admins set up and listeners use by name.

import { MflowError } from "@mflow/core/errors";
import { Channel } from "@mflow/core/schema/channel";
import { ChannelPage, ChannelTest, PutChannelRequest, TestChannelRequest } from "@mflow/core/schema/delivery";
import { targetOfChannel } from "../../listeners/hub.ts";
import { demand } from "../caller.ts";
import { refuseBadName } from "../record-name.ts";
import { type Route, route } from "../route.ts";
import type { Services } from "../services.ts";

const tag = "Channels";
const one = { 200: { description: "The channel, its secrets `***`.", schema: Channel } };

export function channelRoutes({ channels, accounts, dispatcher }: Services): Route[] {
  return [
    route({
      method: "GET",
      path: "/channels",
      id: "listChannels",
      tag,
      summary: "List all channels",
      description: "Secrets, and the URL of a robot, are `***`. Needs viewer everywhere.",
      access: "caller",
      successes: { 200: { description: "All channels, by name.", schema: ChannelPage } },
      errors: [],
      async handle(_call, caller) {
        demand(caller, "viewer");
        return { body: { items: channels.list() } };
      },
    }),
    route({
      method: "GET",
      path: "/channels/:name",
      id: "getChannel",
      tag,
      summary: "Get a channel",
      description: "Needs viewer everywhere.",
      access: "caller",
      successes: one,
      errors: ["NOT_FOUND"],
      async handle({ params }, caller) {
        demand(caller, "viewer");
        const channel = channels.get(params.name ?? "");
        return { body: channel, revision: channel.revision };
      },
    }),
    route({
      method: "PUT",
      path: "/channels/:name",
      id: "putChannel",
      tag,
      summary: "Make a channel, or replace its settings",
      description:
        "A secret that is `***` stays what it is, as long as the channel goes to the same address. " +
        "`If-Match: 0` makes a new one only. Needs admin everywhere.",
      access: "caller",
      headers: ["If-Match"],
      body: PutChannelRequest,
      successes: { ...one, 201: { description: "A new channel, its secrets `***`.", schema: Channel } },
      errors: ["INVALID_DOCUMENT", "NAME_TAKEN", "STALE_REVISION"],
      async handle({ params, body, revisions }, caller) {
        demand(caller, "admin");
        const name = params.name ?? "";
        refuseBadName(name, "channel");
        const channel = await channels.put(name, body.spec, caller.name, revisions?.[0]);
        // What failed with the old settings may arrive with these.
        dispatcher.wake(targetOfChannel(name));
        return { status: channel.revision === 1 ? 201 : 200, body: channel, revision: channel.revision };
      },
    }),
    route({
      method: "DELETE",
      path: "/channels/:name",
      id: "deleteChannel",
      tag,
      summary: "Delete a channel",
      description: "What still waits to be sent through it is given up. Needs admin everywhere.",
      access: "caller",
      successes: { 204: { description: "It is gone." } },
      errors: ["NOT_FOUND"],
      async handle({ params }, caller) {
        demand(caller, "admin");
        await channels.remove(params.name ?? "");
        return {};
      },
    }),
    route({
      method: "POST",
      path: "/channels/:name/test",
      id: "testChannel",
      tag,
      summary: "Send a test message through a channel",
      description:
        "Once, at once, and answers how it went. Mail and apps write to `user`, who needs an address there. " +
        "Needs admin everywhere.",
      access: "caller",
      body: TestChannelRequest,
      bodyOptional: true,
      successes: { 200: { description: "How it went.", schema: ChannelTest } },
      errors: ["NOT_FOUND", "BAD_REQUEST"],
      async handle({ params, body }, caller) {
        demand(caller, "admin");
        const { spec, name } = channels.get(params.name ?? "");
        const isPersonal = spec.kind === "MAIL" || spec.kind.endsWith("_APP");
        if (!isPersonal) return { body: await dispatcher.test(name) };
        const user = body.user ?? caller.name;
        const address = accounts.addressesOf(user)[name];
        if (address === undefined) {
          const remedy = `set one with \`mflow user address ${user} ${name} ADDRESS\``;
          throw new MflowError("BAD_REQUEST", `${user} has no address in channel \`${name}\`; ${remedy}.`);
        }
        return { body: await dispatcher.test(name, { user, address }) };
      },
    }),
  ];
}
