// Users, groups, roles and tokens. All of it is small and asked for at every request, so it is kept in memory
// and read again after each change. Changes are made one after the other: each is decided on what the one
// before left, and none brings back what it had read before another took it away.

import { MflowError } from "@mflow/core/errors";
import type { LintContext } from "@mflow/core/lint/context";
import type { Language } from "@mflow/core/schema/listener";
import type { Scope } from "@mflow/core/schema/scalars";
import type { AccountStore, ApiToken, Grant, User } from "../store/store.ts";
import { changedProfile, isAway, ownerOfAddress, type ProfileChange } from "./profile.ts";
import { ADMIN_EVERYWHERE, covers, EVERYWHERE, type HeldRole } from "./roles.ts";
import {
  hashOf,
  isHashOf,
  newUserToken,
  parseUserToken,
  type UserToken,
  userTokenText,
} from "./user-token.ts";

export interface UserAccount {
  user: User;
  grants: Grant[];
}

export interface NewUser {
  displayName?: string;
  grants: HeldRole[];
  /** Name of a token to make with the user. */
  token?: string;
}

export interface AddedUser extends UserAccount {
  token?: NewToken;
}

export interface NewToken {
  token: ApiToken;
  /** The token itself; it exists nowhere else. */
  secret: string;
}

/** The built-in group of everybody who may act in a scope. */
export const EVERYONE = "everyone";

/** Name of the token that the first admin was given. */
const FIRST_TOKEN = "first";
/** `lastUsedAt` is written at most this often, milliseconds. */
const LAST_USED_EVERY_MS = 60_000;

interface Snapshot {
  users: Map<string, UserAccount>;
  groups: Map<string, string[]>;
  tokens: Map<string, ApiToken>;
}

export class Accounts {
  readonly #store: AccountStore;
  readonly #localUser: string;
  readonly #now: () => number;
  #snapshot: Snapshot = { users: new Map(), groups: new Map(), tokens: new Map() };
  #lastChange: Promise<unknown> = Promise.resolve();

  /** `localUser` acts while there are no users. Call `load` before anything else. */
  constructor(store: AccountStore, localUser: string, now: () => number = Date.now) {
    this.#store = store;
    this.#localUser = localUser;
    this.#now = now;
  }

  async load(): Promise<void> {
    const users = new Map<string, UserAccount>();
    for (const user of await this.#store.users()) {
      users.set(user.name, { user, grants: await this.#store.grants(user.name) });
    }
    const groups = new Map((await this.#store.groups()).map(({ name, members }) => [name, members]));
    const tokens = new Map((await this.#store.tokens()).map((token) => [token.id, token]));
    this.#snapshot = { users, groups, tokens };
  }

  /** Whether there are no users: then the local token serves, and its user may do everything. */
  get isLocal(): boolean {
    return this.#snapshot.users.size === 0;
  }

  get localUser(): string {
    return this.#localUser;
  }

  users(): UserAccount[] {
    return [...this.#snapshot.users.values()];
  }

  /** Throws NOT_FOUND. */
  user(name: string): UserAccount {
    const account = this.#snapshot.users.get(name);
    if (!account) throw new MflowError("NOT_FOUND", `there is no user \`${name}\``);
    return account;
  }

  /**
   * Adds a user, with a token of the given name when one is wanted. Throws NAME_TAKEN. The first user becomes
   * admin everywhere, or nobody could add the second.
   */
  addUser(name: string, options: NewUser): Promise<AddedUser> {
    return this.#inOrder(() => this.#addUser(name, options));
  }

  /**
   * Makes the first user, admin everywhere, with a token that was chosen beforehand: where nobody can run a command
   * beside the server, as in a container. Does nothing once there are users, so that a token that was revoked stays so.
   */
  addFirstAdmin(name: string, secret: string): Promise<void> {
    return this.#inOrder(() => this.#addFirstAdmin(name, secret));
  }

  async #addFirstAdmin(name: string, secret: string): Promise<void> {
    const given = parseUserToken(secret);
    if (!given) throw new MflowError("BAD_REQUEST", "the token of the first admin is no token");
    if (!this.isLocal) return;
    const { token } = this.#tokenOf(given, name, FIRST_TOKEN);
    const user: User = { name, createdAt: this.#time(), disabled: false };
    await this.#store.putUser(user, { grants: [{ ...ADMIN_EVERYWHERE, user: name }], token });
    await this.load();
  }

  async #addUser(name: string, options: NewUser): Promise<AddedUser> {
    if (this.#snapshot.users.has(name))
      throw new MflowError("NAME_TAKEN", `there is a user \`${name}\` already`);
    const grants = this.isLocal ? [ADMIN_EVERYWHERE] : options.grants;
    const user: User = { name, createdAt: this.#time(), disabled: false };
    if (options.displayName !== undefined) user.displayName = options.displayName;
    const own = grants.map((grant) => ({ ...grant, user: name }));
    const token = options.token === undefined ? undefined : this.#makeToken(name, options.token);
    // All at once: with the first user the local token ends, and then their role and token must be there.
    await this.#store.putUser(user, { grants: own, token: token?.token });
    await this.load();
    return { ...this.user(name), token };
  }

  /** Removes a user with tokens, roles and memberships. The last admin stays, or nobody could manage users any more. */
  removeUser(name: string): Promise<void> {
    return this.#inOrder(() => this.#removeUser(name));
  }

  async #removeUser(name: string): Promise<void> {
    this.user(name);
    this.#refuseWithoutAdmin(
      this.users().filter((account) => account.user.name !== name),
      `removing ${name}`,
    );
    // Somebody who gets the same name later was not asked to stand in for anybody.
    for (const { user } of this.users()) {
      if (user.away?.ask !== name) continue;
      const { away: _away, ...present } = user;
      await this.#store.putUser(present);
    }
    await this.#store.removeUser(name);
    await this.load();
  }

  /**
   * Changes what a user says of themself. Throws NOT_FOUND for an unknown user or stand-in, CONFLICT for an address that
   * is somebody else's, BAD_REQUEST for an absence that makes no sense.
   */
  changeProfile(name: string, change: ProfileChange): Promise<UserAccount> {
    return this.#inOrder(() => this.#changeProfile(name, change));
  }

  async #changeProfile(name: string, change: ProfileChange): Promise<UserAccount> {
    const { user } = this.user(name);
    const users = new Map(this.users().map((account) => [account.user.name, account.user]));
    await this.#store.putUser(changedProfile(user, change, users, this.#now()));
    await this.load();
    return this.user(name);
  }

  /** Who stands in now for a user who is away; nobody when they are here, or the one they asked cannot act. */
  standInOf(name: string): string | undefined {
    const ask = this.absenceOf(name)?.ask;
    const standIn = ask === undefined ? undefined : this.#snapshot.users.get(ask)?.user;
    return standIn && !standIn.disabled ? standIn.name : undefined;
  }

  /**
   * Why a user cannot decide gates in a scope; nothing when they can. They must be there and may see its tasks; while
   * there are no users, the local one alone.
   */
  cannotDecide(name: string, scope: Scope): string | undefined {
    if (this.isLocal) return name === this.#localUser ? undefined : "no such user";
    const account = this.#snapshot.users.get(name);
    if (!account) return "no such user";
    if (account.user.disabled) return "is disabled";
    if (account.grants.some((grant) => covers(grant, "viewer", scope))) return undefined;
    return `has no role in ${scope.domain}/${scope.namespace}`;
  }

  /** Why a user cannot run things in a scope, as the end of a sentence; nothing when they can. */
  cannotRun(name: string, scope: Scope): string | undefined {
    if (this.isLocal) return name === this.#localUser ? undefined : "is nobody here";
    const account = this.#snapshot.users.get(name);
    if (!account) return "is no user any more";
    if (account.user.disabled) return "is disabled";
    if (account.grants.some((grant) => covers(grant, "operator", scope))) return undefined;
    return `is no operator in namespace ${scope.namespace} of domain ${scope.domain} any more`;
  }

  /**
   * What a user may do in a scope. While there are no users everybody runs everything; of those who are not there or
   * disabled any more nobody sees anything.
   */
  rightsOf(name: string, scope: Scope): "RUNS" | "SEES" | "NONE" {
    if (this.isLocal) return "RUNS";
    const account = this.#snapshot.users.get(name);
    if (!account || account.user.disabled) return "NONE";
    if (account.grants.some((grant) => covers(grant, "operator", scope))) return "RUNS";
    return account.grants.some((grant) => covers(grant, "viewer", scope)) ? "SEES" : "NONE";
  }

  /** Until when a user is away now, and whom they ask to stand in. */
  absenceOf(name: string): { until: string; ask: string } | undefined {
    const user = this.#snapshot.users.get(name)?.user;
    return user && isAway(user, this.#now()) ? user.away : undefined;
  }

  /** Those for whom a user stands in now, by name. Standing in is not handed on. */
  standsInFor(name: string): string[] {
    return this.users()
      .map(({ user }) => user.name)
      .filter((other) => this.standInOf(other) === name);
  }

  /** Addresses of a user by channel; none of somebody unknown or disabled. */
  addressesOf(name: string): Readonly<Record<string, string>> {
    const user = this.#snapshot.users.get(name)?.user;
    return user && !user.disabled ? (user.addresses ?? {}) : {};
  }

  /**
   * The user whom a platform knows by one of these ids, in the channel of that app; nobody when no enabled user has
   * one, or when they belong to different users.
   */
  userByAddress(channel: string, ids: readonly string[]): UserAccount | undefined {
    const users = this.users().map(({ user }) => user);
    const [owner, ...others] = new Set(ids.flatMap((id) => ownerOfAddress(users, channel, id) ?? []));
    return !owner || owner.disabled || others.length > 0 ? undefined : this.user(owner.name);
  }

  /** The language that a user wants messages in, when they said it. */
  languageOf(name: string): Language | undefined {
    return this.#snapshot.users.get(name)?.user.language;
  }

  /** Replaces all roles of a user. */
  setGrants(name: string, grants: HeldRole[]): Promise<UserAccount> {
    return this.#inOrder(() => this.#setGrants(name, grants));
  }

  async #setGrants(name: string, grants: HeldRole[]): Promise<UserAccount> {
    const account = this.user(name);
    const own = grants.map((grant) => ({ ...grant, user: name }));
    const after = this.users().map((each) => (each === account ? { ...account, grants: own } : each));
    this.#refuseWithoutAdmin(after, `changing the roles of ${name}`);
    await this.#store.setGrants(name, own);
    await this.load();
    return this.user(name);
  }

  #refuseWithoutAdmin(after: UserAccount[], what: string): void {
    const isAdmin = (grant: Grant) => covers(grant, "admin", EVERYWHERE);
    if (after.some(({ user, grants }) => !user.disabled && grants.some(isAdmin))) return;
    throw new MflowError(
      "CONFLICT",
      `${what} would leave nobody who is admin everywhere; give that role to another user first`,
    );
  }

  groups(): { name: string; members: string[] }[] {
    return Array.from(this.#snapshot.groups, ([name, members]) => ({ name, members }));
  }

  /** Everybody who can be named, and who is in each group; nothing while there are no users. */
  people(): LintContext["people"] {
    const { users, groups } = this.#snapshot;
    if (this.isLocal) return undefined;
    const cannotDecide = (user: string, scope: Scope) => this.cannotDecide(user, scope);
    const everyone = (scope: Scope) => this.groupMembers(EVERYONE, scope);
    return { users: new Set(users.keys()), groups, cannotDecide, everyone };
  }

  /** Makes a group, or replaces its members. */
  setGroup(name: string, members: string[]): Promise<void> {
    return this.#inOrder(() => this.#setGroup(name, members));
  }

  async #setGroup(name: string, members: string[]): Promise<void> {
    if (name === EVERYONE)
      throw new MflowError("NAME_TAKEN", `\`${EVERYONE}\` is built in: all who may act in a scope`);
    const unknown = members.filter((member) => !this.#snapshot.users.has(member));
    if (unknown.length > 0)
      throw new MflowError(
        "NOT_FOUND",
        `there is no user ${unknown.map((each) => `\`${each}\``).join(", ")}`,
      );
    await this.#store.setGroup(name, [...new Set(members)]);
    await this.load();
  }

  removeGroup(name: string): Promise<void> {
    return this.#inOrder(() => this.#removeGroup(name));
  }

  async #removeGroup(name: string): Promise<void> {
    if (!this.#snapshot.groups.has(name)) throw new MflowError("NOT_FOUND", `there is no group \`${name}\``);
    await this.#store.removeGroup(name);
    await this.load();
  }

  /** Members of a group in a scope; nobody when there is no such group. */
  groupMembers(group: string, scope: Scope): readonly string[] {
    if (group !== EVERYONE) return this.#snapshot.groups.get(group) ?? [];
    if (this.isLocal) return [this.#localUser];
    return this.users()
      .filter(
        ({ user, grants }) => !user.disabled && grants.some((grant) => covers(grant, "operator", scope)),
      )
      .map(({ user }) => user.name);
  }

  tokens(user?: string): ApiToken[] {
    return [...this.#snapshot.tokens.values()].filter((token) => user === undefined || token.user === user);
  }

  /** Makes a token for a user; its secret is in the answer alone. */
  createToken(user: string, name: string, expiresInMs?: number): Promise<NewToken> {
    return this.#inOrder(() => this.#createToken(user, name, expiresInMs));
  }

  async #createToken(user: string, name: string, expiresInMs?: number): Promise<NewToken> {
    this.user(user);
    const made = this.#makeToken(user, name, expiresInMs);
    await this.#store.putToken(made.token);
    await this.load();
    return made;
  }

  #makeToken(user: string, name: string, expiresInMs?: number): NewToken {
    return this.#tokenOf(newUserToken(), user, name, expiresInMs);
  }

  #tokenOf(made: UserToken, user: string, name: string, expiresInMs?: number): NewToken {
    const now = this.#now();
    const createdAt = new Date(now).toISOString();
    const token: ApiToken = { id: made.id, user, name, hash: hashOf(made), createdAt };
    if (expiresInMs !== undefined) token.expiresAt = new Date(now + expiresInMs).toISOString();
    return { token, secret: userTokenText(made) };
  }

  removeToken(id: string): Promise<void> {
    return this.#inOrder(() => this.#removeToken(id));
  }

  async #removeToken(id: string): Promise<void> {
    if (!this.#snapshot.tokens.has(id)) throw new MflowError("NOT_FOUND", `there is no token \`${id}\``);
    await this.#store.removeToken(id);
    await this.load();
  }

  /** Whose token it is; nothing when it is nobody's, has expired, or its owner is disabled. */
  ownerOf(secret: string): UserAccount | undefined {
    const given = parseUserToken(secret);
    const token = given && this.#snapshot.tokens.get(given.id);
    if (!token || !isHashOf(token.hash, given)) return undefined;
    if (token.expiresAt !== undefined && Date.parse(token.expiresAt) <= this.#now()) return undefined;
    const account = this.#snapshot.users.get(token.user);
    if (!account || account.user.disabled) return undefined;
    this.#noteUse(token);
    return account;
  }

  #noteUse(token: ApiToken): void {
    const before = token.lastUsedAt === undefined ? 0 : Date.parse(token.lastUsedAt);
    if (this.#now() - before < LAST_USED_EVERY_MS) return;
    token.lastUsedAt = this.#time();
    // A note for people: losing one is no harm, failing a request for it would be.
    this.#store.touchToken(token.id, token.lastUsedAt).catch(() => {});
  }

  #inOrder<T>(change: () => Promise<T>): Promise<T> {
    const done = this.#lastChange.then(change);
    this.#lastChange = done.catch(() => undefined);
    return done;
  }

  #time(): string {
    return new Date(this.#now()).toISOString();
  }
}
