// What is paused besides runs: pipelines and the server. Few rows, read once at start.

import type { Pause } from "@mflow/core/schema/pause";
import type { PauseStore } from "../store.ts";
import type { Connection } from "./connection.ts";
import type { AppendHistory } from "./history.ts";

export function sqlitePauses(connection: Connection, append: AppendHistory): PauseStore {
  const all = connection.prepare("SELECT body FROM pauses ORDER BY key");
  const write = connection.prepare("INSERT OR REPLACE INTO pauses (key, body) VALUES (?, ?)");
  const deletion = connection.prepare("DELETE FROM pauses WHERE key = ?");

  return {
    async list() {
      return connection.read(() => all.all().map(({ body }) => JSON.parse(body as string) as Pause));
    },
    async put(pause, history) {
      return connection.transaction(() => {
        write.run(pause.key, JSON.stringify(pause));
        return append(history);
      });
    },
    async remove(key, history) {
      return connection.transaction(() => {
        deletion.run(key);
        return append(history);
      });
    },
  };
}
