// The store on a SQLite file: state of a single machine.

import type { Channel } from "@mflow/core/schema/channel";
import type { Cluster } from "@mflow/core/schema/cluster";
import type { Limit } from "@mflow/core/schema/limit";
import type { Store } from "../store.ts";
import { sqliteAccounts } from "./accounts.ts";
import { sqliteArtifacts } from "./artifacts.ts";
import { sqliteCatalog } from "./catalog.ts";
import { Connection } from "./connection.ts";
import { appendRecords, sqliteDecisionRecords } from "./decision-records.ts";
import { sqliteDeliveries } from "./deliveries.ts";
import { deliveryRemoval } from "./delivery-removal.ts";
import { deliveryTargets } from "./delivery-targets.ts";
import { endedRuns, sqliteEndedRuns } from "./ended-runs.ts";
import { appendHistory, sqliteHistory } from "./history.ts";
import { keepArtifacts } from "./kept-artifacts.ts";
import { lanes } from "./lanes.ts";
import { migrate, refuseForeign } from "./migrate.ts";
import { sqliteNamed } from "./named.ts";
import { newDeliveries } from "./new-deliveries.ts";
import { sqliteOutbox } from "./outbox.ts";
import { sqlitePauses } from "./pauses.ts";
import { Reader } from "./reader.ts";
import { sqliteRows } from "./rows.ts";
import { sqliteRunnerAttempts } from "./runner-attempts.ts";
import { type RunParts, sqliteRuns } from "./runs.ts";
import { sqliteSchedules } from "./schedule-states.ts";
import { searchIndex } from "./search-index.ts";
import { sqliteSpace } from "./space.ts";
import { succeededTasks } from "./succeeded-tasks.ts";
import { waitingGates } from "./waiting-gates.ts";

export interface SqliteOptions {
  /** The clock, in milliseconds since the epoch: of leases, due times and idempotency keys. */
  now?: () => number;
}

/**
 * Opens the database in the file `path`, which is made when it is missing, and brings it to this program's schema.
 * @throws MflowError STORE_NEWER, STORE_UNUSABLE, STORE_BUSY or STORE_FULL
 */
export async function openSqliteStore(path: string, options: SqliteOptions = {}): Promise<Store> {
  return sqliteStore(new Connection(path), options);
}

/** The store on a connection that was just opened and belongs to it from here on. */
export function sqliteStore(connection: Connection, { now = Date.now }: SqliteOptions = {}): Store {
  try {
    refuseForeign(connection);
    connection.configure();
    migrate(connection);
    connection.opened();
  } catch (error) {
    connection.close();
    throw error;
  }
  const reader = new Reader(connection.path);
  const index = searchIndex(connection);
  const append = appendHistory(connection);
  const appendDecisions = appendRecords(connection);
  const gates = waitingGates(connection);
  const succeeded = succeededTasks(connection);
  const ended = endedRuns(connection);
  const turns = lanes(connection);
  const targets = deliveryTargets(connection);
  const removal = deliveryRemoval(connection, index, targets);
  const parts: RunParts = {
    index,
    gates,
    succeeded,
    removal,
    ended,
    rows: sqliteRows(connection, index, gates, succeeded, ended),
    deliveries: newDeliveries(connection, index, turns, targets),
    appendHistory: append,
    appendRecords: appendDecisions,
    keepArtifacts: keepArtifacts(connection),
  };
  const clusters = sqliteNamed<Cluster>(connection, "clusters", "cluster", append);
  const limits = sqliteNamed<Limit>(connection, "limits", "limit", append);
  return {
    runs: sqliteRuns(connection, reader, parts, now),
    ended: sqliteEndedRuns(connection),
    outbox: sqliteOutbox(connection),
    history: sqliteHistory(connection, append),
    catalog: sqliteCatalog(connection, reader, index, append, { clusters, limits }),
    schedules: sqliteSchedules(connection, append),
    accounts: sqliteAccounts(connection),
    deliveries: sqliteDeliveries(connection, reader, { index, lanes: turns, targets, removal }),
    records: sqliteDecisionRecords(connection, appendDecisions),
    channels: sqliteNamed<Channel>(connection, "channels", "channel", append),
    clusters,
    limits,
    pauses: sqlitePauses(connection, append),
    runnerAttempts: sqliteRunnerAttempts(connection),
    artifacts: sqliteArtifacts(connection),
    space: sqliteSpace(connection, now),
    async close() {
      // The reader first: the log is written back whole only when nobody reads it.
      await reader.close();
      connection.close();
    },
  };
}
