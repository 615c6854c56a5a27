// Users with their roles, groups, and who asks. Tokens, in the same table, are in tokens.ts.

import { MflowError } from "@mflow/core/errors";
import {
  CreatedUser,
  CreateUserRequest,
  type GrantBody,
  GroupBody,
  GroupPage,
  PatchUserRequest,
  PutGroupRequest,
  SetGrantsRequest,
  UserBody,
  UserPage,
  WhoAmI,
} from "@mflow/core/schema/account";
import type { ChannelKind } from "@mflow/core/schema/channel";
import { NAME_PATTERN } from "@mflow/core/schema/scalars";
import type { Accounts, UserAccount } from "../../auth/accounts.ts";
import type { ChannelStore, Grant, User } from "../../store/store.ts";
import { demand } from "../caller.ts";
import { type Route, route } from "../route.ts";
import type { Services } from "../services.ts";
import { createdToken, tokenRoutes } from "./tokens.ts";

/** The roles as they are kept; a scope part that is left out stands for all. */
function grantsOf(grants: readonly GrantBody[] | undefined): Omit<Grant, "user">[] {
  return (grants ?? []).map(({ role, domain = "*", namespace = "*" }) => ({ role, domain, namespace }));
}

function userBody(accounts: Accounts, { user, grants }: UserAccount): UserBody {
  const { name, displayName, createdAt, disabled } = user;
  return {
    name,
    ...(displayName !== undefined && { displayName }),
    createdAt,
    disabled,
    grants: grants.map(({ role, domain, namespace }) => ({ role, domain, namespace })),
    ...profileOf(accounts, user),
  };
}

/** What a user said of themself, as it is now: an absence that has ended shows no more. */
function profileOf(
  accounts: Accounts,
  { name, addresses, language }: User,
): Pick<UserBody, "addresses" | "language" | "away" | "standsInFor"> {
  const away = accounts.absenceOf(name);
  const standsInFor = accounts.standsInFor(name);
  return {
    ...(addresses && { addresses }),
    ...(language && { language }),
    ...(away && { away }),
    ...(standsInFor.length > 0 && { standsInFor }),
  };
}

/** Throws BAD_REQUEST unless each address is for a channel that writes to people, and of a form that fits it. */
async function checkAddresses(
  channels: ChannelStore,
  addresses: Readonly<Record<string, string | null>> = {},
): Promise<void> {
  const given = Object.entries(addresses).flatMap(([name, address]) =>
    address === null ? [] : [{ name, address }],
  );
  if (given.length === 0) return;
  const personal = new Map<string, ChannelKind>();
  for (const { name, spec } of await channels.list()) {
    if (spec.kind === "MAIL" || spec.kind.endsWith("_APP")) personal.set(name, spec.kind);
  }
  for (const { name, address } of given) {
    const kind = personal.get(name);
    if (kind === undefined) {
      const there = [...personal.keys()].map((each) => `\`${each}\``).join(", ");
      const choice = there
        ? `these are: ${there}`
        : "there is none yet; an admin sets up a channel of mail or an app first";
      throw new MflowError(
        "BAD_REQUEST",
        `\`${name}\` is no channel that writes to people with an address; ${choice}.`,
      );
    }
    if (kind === "MAIL" && !/^[^@]+@[^@]+$/.test(address)) {
      throw new MflowError("BAD_REQUEST", `\`${address}\` is no mail address such as ada@example.com.`);
    }
  }
}

const groupName = new RegExp(`^(?=.{1,63}$)${NAME_PATTERN.slice(1)}`);

/** Name of the token that the first user gets when none was asked for. */
const FIRST_TOKEN = "first";

function userRoutes({ accounts, store }: Services): Route[] {
  const tag = "Users";
  const bodyOf = (account: UserAccount) => userBody(accounts, account);
  return [
    route({
      method: "GET",
      path: "/users",
      id: "listUsers",
      tag,
      summary: "List all users with their roles",
      description: "Needs admin everywhere.",
      access: "caller",
      successes: { 200: { description: "All users.", schema: UserPage } },
      errors: [],
      async handle(_call, caller) {
        demand(caller, "admin");
        return { body: { items: accounts.users().map(bodyOf) } };
      },
    }),
    route({
      method: "POST",
      path: "/users",
      id: "createUser",
      tag,
      summary: "Add a user",
      description:
        "The first one becomes admin everywhere and gets a token, because the local token no longer serves. " +
        "Needs admin everywhere.",
      access: "caller",
      body: CreateUserRequest,
      successes: { 201: { description: "The user, and the token if one was made.", schema: CreatedUser } },
      errors: ["NAME_TAKEN"],
      async handle({ body }, caller) {
        demand(caller, "admin");
        const { name, displayName } = body;
        const token = body.token ?? (accounts.isLocal ? FIRST_TOKEN : undefined);
        const added = await accounts.addUser(name, { displayName, grants: grantsOf(body.grants), token });
        const created: CreatedUser = { user: bodyOf(added) };
        if (added.token) created.token = createdToken(added.token);
        return { status: 201, body: created };
      },
    }),
    route({
      method: "PUT",
      path: "/users/:name/grants",
      id: "setGrants",
      tag,
      summary: "Set all roles of a user",
      description: "Those they had before are replaced. Needs admin everywhere.",
      access: "caller",
      body: SetGrantsRequest,
      successes: { 200: { description: "The user.", schema: UserBody } },
      errors: ["NOT_FOUND", "CONFLICT"],
      async handle({ params, body }, caller) {
        demand(caller, "admin");
        return { body: bodyOf(await accounts.setGrants(params.name ?? "", grantsOf(body.grants))) };
      },
    }),
    route({
      method: "PATCH",
      path: "/users/:name",
      id: "patchUser",
      tag,
      summary: "Change where a user is reached, their language, or their absence",
      description:
        "A JSON merge: what is left out stays, `null` removes. While somebody is away, whom they ask decides on their " +
        "behalf. Everybody changes their own; another user's needs admin everywhere.",
      access: "caller",
      body: PatchUserRequest,
      successes: { 200: { description: "The user.", schema: UserBody } },
      errors: ["NOT_FOUND", "CONFLICT"],
      async handle({ params, body }, caller) {
        const { name = "" } = params;
        if (caller.local || name !== caller.name) demand(caller, "admin");
        if (accounts.isLocal) {
          const message = "There are no users yet, so nobody to be reached; add a user first.";
          throw new MflowError("BAD_REQUEST", message);
        }
        await checkAddresses(store.channels, body.addresses);
        return { body: bodyOf(await accounts.changeProfile(name, body)) };
      },
    }),
    route({
      method: "DELETE",
      path: "/users/:name",
      id: "deleteUser",
      tag,
      summary: "Remove a user with their tokens",
      description: "Needs admin everywhere; the last such admin stays.",
      access: "caller",
      successes: { 204: { description: "They are gone." } },
      errors: ["NOT_FOUND", "CONFLICT"],
      async handle({ params }, caller) {
        demand(caller, "admin");
        await accounts.removeUser(params.name ?? "");
        return {};
      },
    }),
  ];
}

function groupRoutes({ accounts }: Services): Route[] {
  const tag = "Groups";
  const find = (name = ""): GroupBody => {
    const group = accounts.groups().find((one) => one.name === name);
    if (!group) throw new MflowError("NOT_FOUND", `There is no group \`${name}\`.`);
    return group;
  };
  return [
    route({
      method: "GET",
      path: "/groups",
      id: "listGroups",
      tag,
      summary: "List all groups",
      access: "caller",
      successes: { 200: { description: "All groups.", schema: GroupPage } },
      errors: [],
      async handle() {
        return { body: { items: accounts.groups() } };
      },
    }),
    route({
      method: "GET",
      path: "/groups/:name",
      id: "getGroup",
      tag,
      summary: "Get a group",
      access: "caller",
      successes: { 200: { description: "The group.", schema: GroupBody } },
      errors: ["NOT_FOUND"],
      async handle({ params }) {
        return { body: find(params.name) };
      },
    }),
    route({
      method: "PUT",
      path: "/groups/:name",
      id: "putGroup",
      tag,
      summary: "Make a group, or replace its members",
      description: "Needs admin everywhere.",
      access: "caller",
      body: PutGroupRequest,
      successes: { 200: { description: "The group.", schema: GroupBody } },
      errors: ["NOT_FOUND", "NAME_TAKEN"],
      async handle({ params, body }, caller) {
        demand(caller, "admin");
        const { name = "" } = params;
        if (!groupName.test(name))
          throw new MflowError("BAD_REQUEST", `\`${name}\` cannot be the name of a group.`);
        await accounts.setGroup(name, body.members);
        return { body: find(name) };
      },
    }),
    route({
      method: "DELETE",
      path: "/groups/:name",
      id: "deleteGroup",
      tag,
      summary: "Remove a group",
      description: "Needs admin everywhere.",
      access: "caller",
      successes: { 204: { description: "It is gone." } },
      errors: ["NOT_FOUND"],
      async handle({ params }, caller) {
        demand(caller, "admin");
        await accounts.removeGroup(params.name ?? "");
        return {};
      },
    }),
  ];
}

/** Who asks. */
function callerRoutes({ accounts, version }: Services): Route[] {
  return [
    route({
      method: "GET",
      path: "/whoami",
      id: "whoAmI",
      tag: "Tokens",
      summary: "Who you are and what you may do",
      access: "caller",
      successes: { 200: { description: "The owner of the token.", schema: WhoAmI } },
      errors: [],
      async handle(_call, { name, local, grants }) {
        const roles = grants.map(({ role, domain, namespace }) => ({ role, domain, namespace }));
        const own = accounts.users().find(({ user }) => user.name === name);
        const profile = own ? profileOf(accounts, own.user) : {};
        return { body: { name, local, grants: roles, ...profile, version } };
      },
    }),
  ];
}

export function accountRoutes(services: Services): Route[] {
  return [
    ...userRoutes(services),
    ...groupRoutes(services),
    ...tokenRoutes(services),
    ...callerRoutes(services),
  ];
}
