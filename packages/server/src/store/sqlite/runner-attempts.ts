// What runners remember of work that is on other machines.

import type { RunnerAttemptStore } from "../store.ts";
import type { Connection } from "./connection.ts";

export function sqliteRunnerAttempts(connection: Connection): RunnerAttemptStore {
  const all = connection.prepare(
    "SELECT task_id, attempt, body FROM runner_attempts WHERE runner = ? ORDER BY n",
  );
  const write = connection.prepare(
    `INSERT INTO runner_attempts (runner, task_id, attempt, body) VALUES (?, ?, ?, ?)
     ON CONFLICT (runner, task_id, attempt) DO UPDATE SET body = excluded.body`,
  );
  const deletion = connection.prepare(
    "DELETE FROM runner_attempts WHERE runner = ? AND task_id = ? AND attempt = ?",
  );
  const installation = connection.prepare("SELECT id FROM installation");
  return {
    async list(runner) {
      const rows = connection.read(() => all.all(runner));
      return rows.map(({ task_id, attempt, body }) => ({
        taskId: task_id as string,
        attempt: Number(attempt),
        body: JSON.parse(body as string),
      }));
    },
    async put(runner, { taskId, attempt, body }) {
      connection.transaction(() => write.run(runner, taskId, attempt, JSON.stringify(body)));
    },
    async remove(runner, refs) {
      if (refs.length === 0) return;
      connection.transaction(() => {
        for (const { taskId, attempt } of refs) deletion.run(runner, taskId, attempt);
      });
    },
    async installationId() {
      return connection.read(() => installation.get()?.id as string);
    },
  };
}
