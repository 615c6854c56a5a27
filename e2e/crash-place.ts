// What every test of crashes begins with and leaves: a folder of its own, a server on it that is killed and started
// again, and a ledger, to which tasks write lines, so that a proof does not rest on what mflow says of itself.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Client } from "@mflow/sdk";
import { type KillableServer, killSupervisor, startKillableServer } from "./killable-server.ts";

export class CrashPlace {
  readonly folder: string;
  /** The servers' data folder. */
  readonly data: string;
  /** A file, empty at first; SHELL tasks get its path as a param and add a line each. */
  readonly ledger: string;
  readonly #flags: readonly string[];
  #server: KillableServer | undefined;

  /** Makes the folder; every server in it is started with these flags. */
  constructor(name: string, flags: readonly string[] = []) {
    this.folder = mkdtempSync(join(tmpdir(), `mflow-${name}-crash-`));
    this.data = join(this.folder, "data");
    this.ledger = join(this.folder, "ledger");
    this.#flags = flags;
    writeFileSync(this.ledger, "");
  }

  /** A client of the server that runs; it tries nothing again. */
  get client(): Client {
    if (!this.#server) throw new Error("the server does not run");
    return this.#server.client;
  }

  /** Starts a server; resolves once it takes work. */
  async start(): Promise<void> {
    this.#server = await startKillableServer(this.data, this.#flags);
  }

  /** Ends the server as a power cut would. */
  async kill(): Promise<void> {
    await this.#server?.kill();
  }

  /** Kills the supervisor; answers how many there were: none or one. */
  killSupervisor(): number {
    return killSupervisor(this.data);
  }

  /** The lines of the ledger, in order. */
  lines(): string[] {
    return readFileSync(this.ledger, "utf8").split("\n").filter(Boolean);
  }

  /** Ids of the runs that have not ended, 500 at most. */
  async unendedRuns(): Promise<string[]> {
    const { items } = await this.client.runs.list({ stage: ["PENDING", "ACTIVE", "CANCELING"], limit: 500 });
    return items.map(({ id }) => id);
  }

  /** Ends the server and its supervisor, and removes the folder. */
  async dispose(): Promise<void> {
    await this.#server?.stop();
    this.killSupervisor();
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 10 });
  }
}
