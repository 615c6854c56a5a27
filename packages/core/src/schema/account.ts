// Users, roles, groups and tokens as the HTTP API takes and shows them.

import type { Static } from "typebox";
import { nullable, pageOf } from "./api.ts";
import { Language } from "./listener.ts";
import { closed, Duration, mapOf, Name, oneOf, Timestamp, titled } from "./scalars.ts";
import { Type } from "./type.ts";

export const RoleName = oneOf(
  ["viewer", "operator", "admin"],
  "`viewer` sees, `operator` also applies, publishes, runs and cancels, `admin` also deprecates and deletes.",
);
export type RoleName = Static<typeof RoleName>;

const ScopePart = Type.Union([Name, Type.Literal("*")], {
  description: "A name, or `*` (default) for every one.",
});

/** A role in a scope; `*`, the default, stands for every domain or namespace. */
export const GrantBody = closed({
  role: RoleName,
  domain: Type.Optional(titled("Domain that the role is for.", ScopePart)),
  namespace: Type.Optional(titled("Namespace that the role is for.", ScopePart)),
});
export type GrantBody = Static<typeof GrantBody>;

const Grants = Type.Array(GrantBody, { maxItems: 256, description: "All roles of the user." });

const grantsOfUser = Type.Array(
  closed({
    role: RoleName,
    domain: Type.String({ description: "`*` stands for every one." }),
    namespace: Type.String({ description: "`*` stands for every one." }),
  }),
  { description: "The roles that they have." },
);

/** Name of a user; as gates list it. */
export const UserName = Type.String({
  pattern: "^[a-z0-9][a-z0-9._-]*$",
  maxLength: 63,
  description: "Lower-case letters, digits, `.`, `_` and `-`, at most 63.",
});

/** Where a user is reached by a channel. No blanks and brackets: it goes into headers and URLs. */
const Address = Type.String({
  pattern: '^[^\\s<>,;"\\u0000-\\u001f\\u007f]+$',
  maxLength: 254,
  description: "Of a MAIL channel a mail address, of an app the platform's id of the user.",
});

/** An absence: until when, and who stands in. */
export const Away = closed(
  {
    until: titled("When they are back.", Timestamp),
    ask: titled("Who decides on their behalf meanwhile.", UserName),
  },
  { description: "They are away; somebody else decides on their behalf." },
);
export type Away = Static<typeof Away>;

const profile = {
  addresses: Type.Optional(
    mapOf(Name, Type.String(), { description: "Where messages reach them, by name of the channel." }),
  ),
  language: Type.Optional(titled("Language of messages to them (default: that of the channel).", Language)),
  away: Type.Optional(titled("Only while they are away.", Away)),
  standsInFor: Type.Optional(
    Type.Array(Type.String(), { description: "Those who are away and asked them to decide meanwhile." }),
  ),
};

export const UserBody = closed({
  name: Type.String({ description: "As gates list it." }),
  displayName: Type.Optional(Type.String({ description: "Name for people." })),
  createdAt: titled("When they were added.", Timestamp),
  disabled: Type.Boolean({ description: "Their tokens do not serve." }),
  grants: grantsOfUser,
  ...profile,
});
export type UserBody = Static<typeof UserBody>;

/** The list of users is whole; it has no further pages. */
export const UserPage = pageOf(UserBody);

export const CreateUserRequest = closed({
  name: titled("Unique among users.", UserName),
  displayName: Type.Optional(Type.String({ maxLength: 128, description: "Name for people." })),
  grants: Type.Optional(Grants),
  token: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 128,
      description:
        "Also makes a token of this name. The first user gets one anyhow: the local token ends with them.",
    }),
  ),
});
export type CreateUserRequest = Static<typeof CreateUserRequest>;

/** A JSON merge (RFC 7396) into what a user says of themself: what is left out stays, `null` removes. */
export const PatchUserRequest = closed({
  displayName: nullable(Type.String({ maxLength: 128, description: "Name for people." })),
  addresses: Type.Optional(
    mapOf(Name, Type.Union([Address, Type.Null()]), {
      maxProperties: 32,
      description: "Where messages reach them, by name of the channel; `null` removes one.",
    }),
  ),
  language: nullable(titled("Language of messages to them.", Language)),
  away: Type.Optional(
    Type.Union([Away, Type.Null()], {
      description:
        "They are away until then, and somebody else decides on their behalf; `null`: they are back.",
    }),
  ),
});
export type PatchUserRequest = Static<typeof PatchUserRequest>;

/** All roles of a user; those they had before are replaced. */
export const SetGrantsRequest = closed({ grants: Grants });
export type SetGrantsRequest = Static<typeof SetGrantsRequest>;

export const GroupBody = closed({
  name: Type.String({ description: "Gates list it as `@name`." }),
  members: Type.Array(Type.String(), { description: "Names of users." }),
});
export type GroupBody = Static<typeof GroupBody>;

export const GroupPage = pageOf(GroupBody);

export const PutGroupRequest = closed({
  members: Type.Array(UserName, {
    maxItems: 1024,
    description: "All members; those it had before are replaced.",
  }),
});
export type PutGroupRequest = Static<typeof PutGroupRequest>;

const token = {
  id: Type.String({ description: "By which it is revoked." }),
  user: Type.String({ description: "Who it stands for." }),
  name: Type.String({ description: "What it is for." }),
  createdAt: titled("When it was made.", Timestamp),
  expiresAt: Type.Optional(titled("When it ends.", Timestamp)),
  lastUsedAt: Type.Optional(titled("When it was last used, to the minute.", Timestamp)),
};

export const TokenBody = closed(token);
export type TokenBody = Static<typeof TokenBody>;

export const TokenPage = pageOf(TokenBody);

export const TokenQuery = closed({
  user: Type.Optional(
    Type.String({ maxLength: 63, description: "Default: your own; another's needs admin." }),
  ),
});
export type TokenQuery = Static<typeof TokenQuery>;

export const CreateTokenRequest = closed({
  user: Type.Optional(titled("Who it stands for (default: yourself).", UserName)),
  name: Type.String({ minLength: 1, maxLength: 128, description: "What it is for." }),
  expiresIn: Type.Optional(titled("It ends after this time (default: never).", Duration)),
});
export type CreateTokenRequest = Static<typeof CreateTokenRequest>;

export const CreatedToken = closed({
  ...token,
  token: Type.String({ description: "The token itself; shown this once." }),
});
export type CreatedToken = Static<typeof CreatedToken>;

export const CreatedUser = closed({ user: UserBody, token: Type.Optional(CreatedToken) });
export type CreatedUser = Static<typeof CreatedUser>;

export const WhoAmI = closed({
  name: Type.String({ description: "Whom the server knows you as." }),
  local: Type.Boolean({ description: "Known by the local token: there are no users yet." }),
  grants: grantsOfUser,
  ...profile,
  version: Type.String({ description: "Of the server." }),
});
export type WhoAmI = Static<typeof WhoAmI>;
