// The inbox: the gates that wait for a person, oldest first.

import { setImmediate } from "node:timers/promises";
import { inboxItem } from "@mflow/core/inbox";
import { DEFAULT_PAGE_SIZE } from "@mflow/core/schema/api";
import { type InboxItem, InboxPage, InboxQuery } from "@mflow/core/schema/inbox";
import type { Scope } from "@mflow/core/schema/scalars";
import { EVERYONE } from "../../auth/accounts.ts";
import { ADMIN_EVERYWHERE, covers } from "../../auth/roles.ts";
import { demand } from "../caller.ts";
import { type Route, route } from "../route.ts";
import type { Services } from "../services.ts";

export function inboxRoutes({ store, accounts }: Services): Route[] {
  const people = {
    groupMembers: (group: string, scope: Scope) => accounts.groupMembers(group, scope),
    standInOf: (user: string) => accounts.standInOf(user),
    cannotDecide: (user: string, scope: Scope) => accounts.cannotDecide(user, scope),
  };

  /** Under which names a gate may list the user, or somebody for whom they stand in. */
  function namesOf(user: string): string[] {
    const those = new Set([user, ...accounts.standsInFor(user)]);
    const groups = accounts.groups().filter(({ members }) => members.some((member) => those.has(member)));
    return [...those, ...groups.map(({ name }) => `@${name}`), `@${EVERYONE}`];
  }

  return [
    route({
      method: "GET",
      path: "/inbox",
      id: "getInbox",
      tag: "Gates",
      summary: "List the gates that wait for you, oldest first",
      description:
        "Those that you may decide now: that list you, a group of yours, or somebody who is away and asked you to " +
        "stand in; not those of runs that you started (unless `allowSelf`), and not those that you have decided. " +
        "Another user's needs admin everywhere.",
      access: "caller",
      query: InboxQuery,
      successes: { 200: { description: "A page of gates.", schema: InboxPage } },
      errors: ["NOT_FOUND"],
      async handle({ query }, caller) {
        const { user = caller.name, limit = DEFAULT_PAGE_SIZE, cursor } = query;
        if (user !== caller.name) demand(caller, "admin");
        const isLocal = accounts.isLocal && user === accounts.localUser;
        const grants = isLocal ? [ADMIN_EVERYWHERE] : accounts.user(user).grants;
        const names = namesOf(user);
        const own: InboxItem[] = [];
        let after = cursor;
        for (;;) {
          // A gate may list them and yet not be theirs to decide: their own started it, or they have decided. Reads go
          // on until there is one to show, so that an empty page says that nothing waits.
          const { items, nextCursor } = await store.runs.waitingGates({
            ...{ names, limit },
            ...(after !== undefined && { cursor: after }),
          });
          own.push(
            ...items.flatMap(({ task, gate }) => {
              // Who may not see a task cannot decide it either.
              if (!grants.some((grant) => covers(grant, "viewer", task))) return [];
              return inboxItem(task, gate, user, people) ?? [];
            }),
          );
          if (nextCursor === undefined) return { body: { items: own } };
          if (own.length > 0) return { body: { items: own, nextCursor } };
          after = nextCursor;
          await setImmediate();
        }
      },
    }),
  ];
}
