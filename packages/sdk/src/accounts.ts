// Users, their roles, groups and tokens.

import type {
  CreatedToken,
  CreatedUser,
  CreateTokenRequest,
  CreateUserRequest,
  GrantBody,
  GroupBody,
  PatchUserRequest,
  TokenBody,
  TokenQuery,
  UserBody,
} from "@mflow/core/schema/account";
import type { ApiPage } from "@mflow/core/schema/api";
import { path, type Transport } from "./transport.ts";

export function userCalls(transport: Transport) {
  return {
    /** The first user becomes admin and gets a token: the local one ends with them. */
    create: (request: CreateUserRequest) =>
      transport.json<CreatedUser>({ method: "POST", path: "/users", body: request }),
    list: () => transport.json<ApiPage<UserBody>>({ path: "/users" }),
    /** Replaces all roles of the user. */
    setGrants: (name: string, grants: GrantBody[]) =>
      transport.json<UserBody>({
        method: "PUT",
        path: path`/users/${name}/grants`,
        body: { grants },
        repeatable: true,
      }),
    /** Where they are reached, their language, their absence: what is left out stays, `null` removes. */
    patch: (name: string, change: PatchUserRequest) =>
      transport.json<UserBody>({
        method: "PATCH",
        path: path`/users/${name}`,
        body: change,
        repeatable: true,
      }),
    remove: (name: string) => transport.json<void>({ method: "DELETE", path: path`/users/${name}` }),
  };
}

export function groupCalls(transport: Transport) {
  return {
    list: () => transport.json<ApiPage<GroupBody>>({ path: "/groups" }),
    get: (name: string) => transport.json<GroupBody>({ path: path`/groups/${name}` }),
    /** Makes the group, or replaces its members. */
    put: (name: string, members: string[]) =>
      transport.json<GroupBody>({
        method: "PUT",
        path: path`/groups/${name}`,
        body: { members },
        repeatable: true,
      }),
    remove: (name: string) => transport.json<void>({ method: "DELETE", path: path`/groups/${name}` }),
  };
}

export function tokenCalls(transport: Transport) {
  return {
    /** The answer holds the token itself, this once. */
    create: (request: CreateTokenRequest) =>
      transport.json<CreatedToken>({ method: "POST", path: "/tokens", body: request }),
    list: (query: TokenQuery = {}) => transport.json<ApiPage<TokenBody>>({ path: "/tokens", query }),
    remove: (id: string) => transport.json<void>({ method: "DELETE", path: path`/tokens/${id}` }),
  };
}
