// What schedules have done so far. The schedules themselves are in the catalogue.

import { MflowError } from "@mflow/core/errors";
import type { Schedule, ScheduleState } from "@mflow/core/schema/schedule";
import type { ScheduleStore } from "../store.ts";
import type { Connection } from "./connection.ts";
import type { AppendHistory } from "./history.ts";

export function sqliteSchedules(connection: Connection, append: AppendHistory): ScheduleStore {
  const joined = `SELECT s.body AS schedule, t.body AS state FROM schedules AS s
    LEFT JOIN schedule_states AS t ON t.schedule_id = s.id`;
  const all = connection.prepare(`${joined} ORDER BY s.id`);
  const one = connection.prepare(`${joined} WHERE s.id = ?`);
  const exists = connection.prepare("SELECT 1 AS yes FROM schedules WHERE id = ?");
  const storedRevision = connection.prepare("SELECT revision FROM schedule_states WHERE schedule_id = ?");
  const write = connection.prepare(
    `INSERT INTO schedule_states (schedule_id, revision, body) VALUES (?, ?, ?)
     ON CONFLICT (schedule_id) DO UPDATE SET revision = excluded.revision, body = excluded.body`,
  );

  const read = (row: Record<string, unknown>) => ({
    schedule: JSON.parse(row.schedule as string) as Schedule,
    ...(row.state !== null && { state: JSON.parse(row.state as string) as ScheduleState }),
  });

  return {
    async all() {
      return connection.read(() => all.all().map(read));
    },
    async find(id) {
      const row = connection.read(() => one.get(id));
      return row && read(row);
    },
    async putState(state, expectedRevision, history) {
      const { scheduleId, revision } = state;
      return connection.transaction(() => {
        if (!exists.get(scheduleId)) throw new MflowError("NOT_FOUND", `There is no schedule ${scheduleId}`);
        const stored = Number(storedRevision.get(scheduleId)?.revision ?? 0);
        if (stored !== expectedRevision) {
          throw new MflowError(
            "STALE_REVISION",
            `The state of schedule ${scheduleId} has revision ${stored}; revision ${expectedRevision} was expected`,
          );
        }
        write.run(scheduleId, revision, JSON.stringify(state));
        return append(history);
      });
    },
  };
}
