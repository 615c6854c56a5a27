// The part of the store's contract about users, their roles, groups and tokens.

import type { Language } from "@mflow/core/schema/listener";

export type Role = "viewer" | "operator" | "admin";

export interface User {
  name: string;
  displayName?: string;
  createdAt: string;
  disabled: boolean;
  /** Addresses by channel name: of mail an address, of an app the platform's user id. */
  addresses?: Record<string, string>;
  /** Language of messages to them. */
  language?: Language;
  /** They are away until then, RFC 3339, and `ask` stands in for them. */
  away?: { until: string; ask: string };
}

/** A role in a scope; `*` stands for every domain or namespace. */
export interface Grant {
  user: string;
  role: Role;
  domain: string;
  namespace: string;
}

export interface ApiToken {
  id: string;
  user: string;
  name: string;
  /** Hash of the token; the token itself is shown once and never stored. */
  hash: string;
  createdAt: string;
  expiresAt?: string;
  lastUsedAt?: string;
}

export interface AccountStore {
  /** By name. */
  users(): Promise<User[]>;
  /** With `access`, roles and a token are written together with the user, or nothing is. */
  putUser(user: User, access?: { grants: Grant[]; token?: ApiToken }): Promise<void>;
  /** With the user's grants, memberships and tokens. */
  removeUser(name: string): Promise<void>;
  grants(user: string): Promise<Grant[]>;
  setGrants(user: string, grants: Grant[]): Promise<void>;
  /** By name, members by name. */
  groups(): Promise<{ name: string; members: string[] }[]>;
  setGroup(name: string, members: string[]): Promise<void>;
  removeGroup(name: string): Promise<void>;
  /** Oldest first. */
  tokens(user?: string): Promise<ApiToken[]>;
  token(id: string): Promise<ApiToken | undefined>;
  putToken(token: ApiToken): Promise<void>;
  /** Notes the last use of a token. One that was removed meanwhile stays removed. */
  touchToken(id: string, lastUsedAt: string): Promise<void>;
  removeToken(id: string): Promise<void>;
}
