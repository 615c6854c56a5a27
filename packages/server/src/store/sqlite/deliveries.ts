// The outbox of messages: what is due is claimed per target, tried, and settled. Each change of a delivery's state goes
// with its lane's turn, its target's counters and its place in the lists.
//
// Claims and their outcomes do not wait for the disk, which would hold up the runs' commits for each of them. When power
// is lost the last ones may be forgotten: then those messages are sent again, as after a lost answer.

import { setImmediate as turn } from "node:timers/promises";
import { MflowError } from "@mflow/core/errors";
import type { DeliveryAttempt } from "@mflow/core/schema/delivery";
import type { Message } from "@mflow/core/schema/message";
import { type DeliveryRow, deliveryOf } from "../delivery-row.ts";
import { deliveryEntry } from "../search-entry.ts";
import type { DeliveryOutcome, DeliveryStore, DueDelivery } from "../store.ts";
import { type Body, parseBody } from "./body.ts";
import type { Connection } from "./connection.ts";
import type { DeliveryRemoval, GoneDelivery } from "./delivery-removal.ts";
import type { DeliveryTargets } from "./delivery-targets.ts";
import { inGroups } from "./group-writes.ts";
import type { Lanes } from "./lanes.ts";
import { cardOf } from "./new-deliveries.ts";
import type { Reader } from "./reader.ts";
import type { SearchIndex } from "./search-index.ts";

/** Deliveries that one transaction sends again: what it takes holds up commits. */
const RESEND_AT_ONCE = 200;

/** What rows are kept in step with. */
export interface DeliveryParts {
  index: SearchIndex;
  lanes: Lanes;
  targets: DeliveryTargets;
  removal: DeliveryRemoval;
}

interface StoredDelivery extends DeliveryRow, Omit<GoneDelivery, keyof DeliveryRow> {
  kind: GoneDelivery["kind"];
  lane: string;
  since: number;
  channel: string | null;
  abandoned: number;
}

interface Settling {
  id: string;
  outcome: DeliveryOutcome;
  attempt: Omit<DeliveryAttempt, "number"> | undefined;
  now: number;
}

const STORED = `SELECT d.n, d.id, d.message, d.kind, d.target, d.lane, d.listener, d.action, d.channel, d.user,
  d.state, d.tries, d.created, d.since, d.due_at, d.ended, d.error,
  m.id AS message_id, m.event, m.domain, m.namespace, m.aggregate_id, m.task_id, m.abandoned
  FROM deliveries AS d JOIN messages AS m ON m.n = d.message`;

export function sqliteDeliveries(
  connection: Connection,
  reader: Reader,
  { index, lanes, targets, removal }: DeliveryParts,
): DeliveryStore {
  const prepare = (sql: string) => connection.prepare(sql);
  const stored = prepare(`${STORED} WHERE d.id = ?`);
  const storedAt = prepare(`${STORED} WHERE d.n = ?`);
  const messageBody = prepare(
    "SELECT m.body FROM deliveries AS d JOIN messages AS m ON m.n = d.message WHERE d.id = ?",
  );
  const anyClaimable = prepare("SELECT 1 FROM deliveries WHERE target = ? AND claimable_at <= ? LIMIT 1");
  const claim = prepare(
    `UPDATE deliveries SET lease_owner = ?, claimable_at = ? WHERE n IN (
       SELECT n FROM deliveries WHERE target = ? AND claimable_at <= ? ORDER BY claimable_at, n LIMIT ?)
     RETURNING n`,
  );
  const addAttempt = prepare("INSERT INTO delivery_attempts (delivery, number, body) VALUES (?, ?, ?)");
  const attempts = prepare("SELECT number, body FROM delivery_attempts WHERE delivery = ? ORDER BY number");
  const setTries = prepare("UPDATE deliveries SET tries = ? WHERE n = ?");
  const end = prepare(
    `UPDATE deliveries SET state = ?, tries = ?, ended = ?, error = ?, receipt = ?, lease_owner = NULL,
       claimable_at = NULL WHERE n = ?`,
  );
  const postpone = prepare(
    `UPDATE deliveries SET tries = ?, due_at = ?, error = ?, lease_owner = NULL, claimable_at = NULL WHERE n = ?`,
  );
  const release = prepare(
    `UPDATE deliveries SET due_at = ?, lease_owner = NULL, claimable_at = NULL
     WHERE id = ? AND lease_owner IS NOT NULL RETURNING lane`,
  );
  const leased = prepare("SELECT lane FROM deliveries WHERE lease_owner IS NOT NULL");
  const releaseAll = prepare(
    "UPDATE deliveries SET lease_owner = NULL, claimable_at = due_at WHERE lease_owner IS NOT NULL",
  );
  const receipts = prepare(
    "SELECT receipt FROM deliveries WHERE lane = ? AND card = ? AND receipt IS NOT NULL ORDER BY n DESC",
  );
  const dead = prepare(
    "SELECT n FROM deliveries WHERE target = ? AND state = 'DEAD' AND n > ? ORDER BY n LIMIT ?",
  );
  const revive = prepare(
    "UPDATE deliveries SET state = 'PENDING', since = ?1, due_at = ?1, ended = NULL WHERE n = ?2",
  );

  const storedOf = (id: string) => stored.get(id) as unknown as StoredDelivery | undefined;

  function endWith(row: StoredDelivery, outcome: DeliveryOutcome, tries: number, now: number): void {
    if (outcome.state === "PENDING") {
      postpone.run(tries, outcome.dueAt, outcome.error, row.n);
      return;
    }
    const error = outcome.state === "DEAD" ? outcome.error : null;
    const kept = outcome.state === "DELIVERED" && outcome.receipt ? JSON.stringify(outcome.receipt) : null;
    end.run(outcome.state, tries, now, error, kept, row.n);
    targets.count(row.target, row.kind, -1, outcome.state === "DEAD" ? 1 : 0);
    const ended = { ...row, state: outcome.state };
    index.move(deliveryEntry(row), deliveryEntry(ended));
    if (row.abandoned) removal.removeLate(ended);
  }

  const unsynced = { transaction: <T>(work: () => T): T => connection.unsynced(work) };
  const settle = inGroups(unsynced, ({ id, outcome, attempt, now }: Settling) => {
    const row = storedOf(id);
    if (!row) return undefined;
    const tries = row.tries + (attempt ? 1 : 0);
    if (attempt) addAttempt.run(row.n, tries, JSON.stringify(attempt));
    if (row.state !== "PENDING") {
      // Somebody else took it over when the lease ended, and is done already.
      setTries.run(tries, row.n);
      return undefined;
    }
    endWith(row, outcome, tries, now);
    return lanes.pass(row.lane);
  });

  /** Makes DEAD rows PENDING again, in the order of their lanes. */
  function resend(rows: StoredDelivery[], now: number): void {
    for (const row of rows) {
      revive.run(now, row.n);
      targets.count(row.target, row.kind, 1, -1);
      index.move(deliveryEntry(row), deliveryEntry({ ...row, state: "PENDING" }));
    }
    for (const lane of new Set(rows.map((row) => row.lane))) lanes.pass(lane);
  }

  function resendOne(id: string, now: number): void {
    const row = storedOf(id);
    if (!row) throw new MflowError("NOT_FOUND", `There is no delivery ${id}`);
    if (row.state !== "DEAD")
      throw new MflowError("CONFLICT", `Delivery ${id} is ${row.state}; only DEAD ones are sent again`);
    resend([row], now);
  }

  async function resendTarget(target: string, now: number): Promise<number> {
    let count = 0;
    // Past those that were sent again and have died meanwhile.
    for (let after = 0; ; await turn()) {
      const rows = connection.transaction(() => {
        const found = dead.all(target, after, RESEND_AT_ONCE);
        const each = found.map(({ n }) => storedAt.get(n as number) as unknown as StoredDelivery);
        resend(each, now);
        return each;
      });
      count += rows.length;
      after = rows.at(-1)?.n ?? after;
      if (rows.length < RESEND_AT_ONCE) return count;
    }
  }

  return {
    async due() {
      return connection.read(() => targets.due());
    },
    async claim(target, lease, now, limit) {
      // Most polls find nothing; those take no lock.
      if (!connection.read(() => anyClaimable.get(target, now) && !targets.isPaused(target))) return [];
      return connection.unsynced(() => {
        const claimed = claim.all(lease.owner, lease.until, target, now, limit);
        const rows = claimed.map(({ n }) => storedAt.get(n as number) as unknown as StoredDelivery);
        rows.sort((a, b) => a.due_at - b.due_at || a.n - b.n);
        return rows.map((row) => toDue(row, parseBody(messageBody.get(row.id) as Body) as Message));
      });
    },
    settle: (id, outcome, attempt, now) => settle({ id, outcome, attempt, now }),
    async release(ids, dueAt) {
      if (ids.length === 0) return;
      connection.unsynced(() => {
        for (const id of ids) {
          const released = release.get(dueAt, id);
          if (released) lanes.pass(released.lane as string);
        }
      });
    },
    async releaseAll() {
      connection.unsynced(() => {
        const affected = leased.all();
        releaseAll.run();
        for (const { lane } of affected) lanes.pass(lane as string);
      });
    },
    async receipts(lane, taskId, attempt, gate) {
      const found = connection.read(() => receipts.all(lane, cardOf(taskId, attempt, gate)));
      return found.map(({ receipt }) => JSON.parse(receipt as string) as Record<string, string>);
    },
    list: ({ states, ...query }) => reader.list("delivery", { ...query, stages: states }),
    async find(id) {
      return connection.read(() => {
        const row = storedOf(id);
        if (!row) return undefined;
        const made = attempts.all(row.n).map(({ number, body }) => ({
          number: number as number,
          ...(JSON.parse(body as string) as Omit<DeliveryAttempt, "number">),
        }));
        return { ...deliveryOf(row), attempts: made };
      });
    },
    async message(id) {
      return connection.read(() => parseBody<Message>(messageBody.get(id) as Body));
    },
    async resend(which, now) {
      if ("target" in which) return resendTarget(which.target, now);
      connection.transaction(() => resendOne(which.id, now));
      return 1;
    },
    async targets() {
      return connection.read(() => targets.list());
    },
    async pause(target, kind, by, at) {
      connection.transaction(() => targets.pause(target, kind, by, at));
    },
    async resume(target) {
      return connection.transaction(() => targets.resume(target));
    },
  };
}

function toDue(row: StoredDelivery, message: Message): DueDelivery {
  const { channel, user, error } = row;
  return {
    id: row.id,
    kind: row.kind,
    target: row.target,
    lane: row.lane,
    listener: row.listener,
    action: row.action as DueDelivery["action"],
    ...(channel !== null && { channel }),
    ...(user !== null && { user }),
    state: row.state as DueDelivery["state"],
    ...(error !== null && { error }),
    aggregateId: row.aggregate_id,
    tries: row.tries,
    createdAt: row.created,
    since: row.since,
    message,
  };
}
