// Channels: few, written rarely, each guarded by its revision.

import { MflowError } from "@mflow/core/errors";
import type { Channel } from "@mflow/core/schema/channel";
import type { ChannelStore } from "../store.ts";
import type { Connection } from "./connection.ts";

export function sqliteChannels(connection: Connection): ChannelStore {
  const all = connection.prepare("SELECT body FROM channels ORDER BY name");
  const storedRevision = connection.prepare("SELECT revision FROM channels WHERE name = ?");
  const write = connection.prepare("INSERT OR REPLACE INTO channels (name, revision, body) VALUES (?, ?, ?)");
  const deletion = connection.prepare("DELETE FROM channels WHERE name = ?");

  function guard(name: string, expected: number): void {
    const revision = Number(storedRevision.get(name)?.revision ?? 0);
    if (revision === expected) return;
    if (expected === 0) throw new MflowError("NAME_TAKEN", `There is a channel \`${name}\` already`);
    const stands = revision === 0 ? "does not exist" : `has revision ${revision}`;
    throw new MflowError(
      "STALE_REVISION",
      `Channel \`${name}\` ${stands}; revision ${expected} was expected`,
    );
  }

  return {
    async list() {
      return connection.read(() => all.all().map(({ body }) => JSON.parse(body as string) as Channel));
    },
    async put(channel, expectedRevision) {
      connection.transaction(() => {
        guard(channel.name, expectedRevision);
        write.run(channel.name, channel.revision, JSON.stringify(channel));
      });
    },
    async remove(name) {
      connection.transaction(() => {
        if (deletion.run(name).changes === 0)
          throw new MflowError("NOT_FOUND", `There is no channel \`${name}\``);
      });
    },
  };
}
