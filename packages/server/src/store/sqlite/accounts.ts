// Users, their grants, groups and tokens.

import type { Language } from "@mflow/core/schema/listener";
import type { AccountStore, ApiToken, Grant, User } from "../store.ts";
import type { Connection } from "./connection.ts";

interface UserRow {
  name: string;
  display_name: string | null;
  created_at: string;
  disabled: number;
  addresses: string | null;
  language: string | null;
  away: string | null;
}

interface TokenRow {
  id: string;
  user: string;
  name: string;
  hash: string;
  created_at: string;
  expires_at: string | null;
  last_used_at: string | null;
}

export function sqliteAccounts(connection: Connection): AccountStore {
  const prepare = (sql: string) => connection.prepare(sql);
  const allUsers = prepare("SELECT * FROM users ORDER BY name");
  // Not REPLACE: that would delete the row first, and its grants and tokens with it.
  const putUser = prepare(
    `INSERT INTO users (name, display_name, created_at, disabled, addresses, language, away)
     VALUES (?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (name) DO UPDATE SET display_name = excluded.display_name, created_at = excluded.created_at,
       disabled = excluded.disabled, addresses = excluded.addresses, language = excluded.language,
       away = excluded.away`,
  );
  const leaveGroups = prepare("DELETE FROM group_members WHERE member = ?");
  const removeUser = prepare("DELETE FROM users WHERE name = ?");
  const grantsOf = prepare(
    "SELECT user, role, domain, namespace FROM grants WHERE user = ? ORDER BY domain, namespace, role",
  );
  const dropGrants = prepare("DELETE FROM grants WHERE user = ?");
  const addGrant = prepare(
    "INSERT OR IGNORE INTO grants (user, domain, namespace, role) VALUES (?, ?, ?, ?)",
  );
  const allGroups = prepare(
    `SELECT g.name, m.member FROM groups g LEFT JOIN group_members m ON m.group_name = g.name
     ORDER BY g.name, m.member`,
  );
  const dropGroup = prepare("DELETE FROM groups WHERE name = ?");
  const addGroup = prepare("INSERT INTO groups (name) VALUES (?)");
  const addMember = prepare("INSERT OR IGNORE INTO group_members (group_name, member) VALUES (?, ?)");
  const allTokens = prepare("SELECT * FROM tokens ORDER BY created_at, id");
  const tokensOf = prepare("SELECT * FROM tokens WHERE user = ? ORDER BY created_at, id");
  const oneToken = prepare("SELECT * FROM tokens WHERE id = ?");
  const putToken = prepare(
    `INSERT INTO tokens (id, user, name, hash, created_at, expires_at, last_used_at) VALUES (?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (id) DO UPDATE SET user = excluded.user, name = excluded.name, hash = excluded.hash,
       created_at = excluded.created_at, expires_at = excluded.expires_at, last_used_at = excluded.last_used_at`,
  );
  const touchToken = prepare("UPDATE tokens SET last_used_at = ? WHERE id = ?");
  const removeToken = prepare("DELETE FROM tokens WHERE id = ?");

  function writeUser({ name, displayName, createdAt, disabled, addresses, language, away }: User): void {
    const json = (value: unknown) => (value === undefined ? null : JSON.stringify(value));
    const isDisabled = disabled ? 1 : 0;
    const shown = displayName ?? null;
    putUser.run(name, shown, createdAt, isDisabled, json(addresses), language ?? null, json(away));
  }

  function replaceGrants(user: string, grants: readonly Grant[]): void {
    dropGrants.run(user);
    for (const { domain, namespace, role } of grants) addGrant.run(user, domain, namespace, role);
  }

  function writeToken({ id, user, name, hash, createdAt, expiresAt, lastUsedAt }: ApiToken): void {
    putToken.run(id, user, name, hash, createdAt, expiresAt ?? null, lastUsedAt ?? null);
  }

  return {
    async users() {
      return connection.read(() => (allUsers.all() as unknown as UserRow[]).map(toUser));
    },
    async putUser(user, access) {
      connection.transaction(() => {
        writeUser(user);
        if (access) replaceGrants(user.name, access.grants);
        if (access?.token) writeToken(access.token);
      });
    },
    async removeUser(name) {
      connection.transaction(() => {
        leaveGroups.run(name);
        removeUser.run(name);
      });
    },
    async grants(user) {
      return connection.read(() => grantsOf.all(user).map((row) => ({ ...row }) as unknown as Grant));
    },
    async setGrants(user, grants) {
      connection.transaction(() => replaceGrants(user, grants));
    },
    async groups() {
      const rows = connection.read(() => allGroups.all()) as { name: string; member: string | null }[];
      const members = new Map<string, string[]>();
      for (const { name, member } of rows) {
        const known = members.get(name) ?? [];
        members.set(name, member === null ? known : [...known, member]);
      }
      return [...members].map(([name, each]) => ({ name, members: each }));
    },
    async setGroup(name, members) {
      connection.transaction(() => {
        dropGroup.run(name);
        addGroup.run(name);
        for (const member of members) addMember.run(name, member);
      });
    },
    async removeGroup(name) {
      connection.transaction(() => dropGroup.run(name));
    },
    async tokens(user) {
      const rows = connection.read(() => (user === undefined ? allTokens.all() : tokensOf.all(user)));
      return (rows as unknown as TokenRow[]).map(toToken);
    },
    async token(id) {
      const row = connection.read(() => oneToken.get(id)) as unknown as TokenRow | undefined;
      return row && toToken(row);
    },
    async putToken(token) {
      connection.transaction(() => writeToken(token));
    },
    async touchToken(id, lastUsedAt) {
      connection.transaction(() => touchToken.run(lastUsedAt, id));
    },
    async removeToken(id) {
      connection.transaction(() => removeToken.run(id));
    },
  };
}

function toUser(row: UserRow): User {
  const { name, display_name, created_at, disabled, addresses, language, away } = row;
  return {
    name,
    ...(display_name === null ? {} : { displayName: display_name }),
    createdAt: created_at,
    disabled: disabled === 1,
    ...(addresses === null ? {} : { addresses: JSON.parse(addresses) as Record<string, string> }),
    ...(language === null ? {} : { language: language as Language }),
    ...(away === null ? {} : { away: JSON.parse(away) as NonNullable<User["away"]> }),
  };
}

function toToken({ id, user, name, hash, created_at, expires_at, last_used_at }: TokenRow): ApiToken {
  return {
    id,
    user,
    name,
    hash,
    createdAt: created_at,
    ...(expires_at === null ? {} : { expiresAt: expires_at }),
    ...(last_used_at === null ? {} : { lastUsedAt: last_used_at }),
  };
}
