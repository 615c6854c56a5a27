// Users, roles, groups and tokens as the HTTP API takes and shows them.

import type { Static } from "typebox";
import { pageOf } from "./api.ts";
import { closed, Duration, Name, oneOf, Timestamp, titled } from "./scalars.ts";
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

export const UserBody = closed({
  name: Type.String({ description: "As gates list it." }),
  displayName: Type.Optional(Type.String({ description: "Name for people." })),
  createdAt: titled("When they were added.", Timestamp),
  disabled: Type.Boolean({ description: "Their tokens do not serve." }),
  grants: grantsOfUser,
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
  version: Type.String({ description: "Of the server." }),
});
export type WhoAmI = Static<typeof WhoAmI>;
