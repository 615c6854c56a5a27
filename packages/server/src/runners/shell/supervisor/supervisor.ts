// The supervisor of a data folder: runs the attempts that servers ask it for, and remembers them until a
// server has taken their results. It knows nothing of runs, params or people.

import { rmSync } from "node:fs";
import { join } from "node:path";
import { Attempt, type AttemptTools } from "./attempt.ts";
import { Cgroups } from "./cgroup.ts";
import { messageOf } from "./failure.ts";
import { Folders, homeOf, idOf } from "./folders.ts";
import { Journal, readJournal } from "./journal.ts";
import { Launchers } from "./launchers.ts";
import { drainOldPipes, Pipes } from "./pipes.ts";
import {
  type FromSupervisor,
  type KnownAttempt,
  keyOf,
  type Owner,
  type Ref,
  type StartMessage,
  type ToSupervisor,
} from "./protocol.ts";
import { type JournalledAttempt, recover, replay } from "./recovery.ts";
import { makeFolder, supervisorFolder } from "./supervisor-record.ts";
import { Tombstones } from "./tombstones.ts";

/** So many forgotten attempts are remembered by name, so that a start that comes again does nothing. */
const REMEMBERED = 4096;

/** What the steps of one user share. */
interface Quarters {
  folders: Folders;
  pipes: Pipes;
  launchers: Launchers;
}

export class Supervisor {
  readonly #dataDir: string;
  readonly #folder: string;
  /** No other supervisor of the folder has this number. */
  readonly #number: number;
  readonly #send: (message: FromSupervisor) => void;
  readonly #attempts = new Map<string, Attempt>();
  readonly #forgotten = new Set<string>();
  readonly #tombstones: Tombstones;
  readonly #journal: Journal;
  readonly #cgroups: Cgroups | undefined;
  readonly #quarters = new Map<string, Quarters>();
  /** What the journal of the supervisor before tells, until it is taken up. */
  #before: JournalledAttempt[] | undefined;
  /** How many pipes of earlier supervisors are still held. */
  #oldPipes = () => 0;
  #running = 0;

  private constructor(dataDir: string, number: number, send: (message: FromSupervisor) => void) {
    this.#dataDir = dataDir;
    this.#folder = supervisorFolder(dataDir);
    this.#number = number;
    this.#send = send;
    this.#tombstones = new Tombstones(this.#folder, Date.now());
    this.#cgroups = Cgroups.open(idOf(dataDir));
    const events = readJournal(this.#folder);
    for (const event of events) if (event.e === "ack") this.#noteForgotten(keyOf(event.ref));
    this.#before = replay(events);
    this.#journal = new Journal(this.#folder, events, (error) => {
      warn(`the journal cannot be written: ${messageOf(error)}`);
    });
  }

  /** Takes up the folder; resolves when it is known what became of the attempts of the supervisor before. */
  static async open(
    dataDir: string,
    number: number,
    send: (message: FromSupervisor) => void,
  ): Promise<Supervisor> {
    makeFolder(supervisorFolder(dataDir));
    const supervisor = new Supervisor(dataDir, number, send);
    await supervisor.#recover();
    return supervisor;
  }

  /** Nothing runs, nothing waits to be taken, and nobody holds a pipe. */
  get idle(): boolean {
    const held = [...this.#quarters.values()].reduce((sum, { pipes }) => sum + pipes.held, this.#oldPipes());
    return this.#attempts.size === 0 && held === 0;
  }

  get known(): KnownAttempt[] {
    return [...this.#attempts.values()].map((attempt) => attempt.known);
  }

  handle(message: Exclude<ToSupervisor, { type: "hello" }>): void {
    try {
      this.#perform(message);
    } catch (error) {
      warn(`${message.type} came to nothing: ${messageOf(error)}`);
    }
  }

  #perform(message: Exclude<ToSupervisor, { type: "hello" }>): void {
    if (message.type === "start") this.#start(message);
    else if (message.type === "stop") this.#stop(message.ref, message.graceMs);
    else if (message.type === "given") this.#attempts.get(keyOf(message.ref))?.given(message.given);
    else if (message.type === "ack") for (const ref of message.refs) this.#forget(keyOf(ref));
    else if (message.type === "release") void this.#release(message.id, message.aggregateId);
    else if (message.type === "list") {
      const refs = [...this.#attempts.values()].map(({ ref }) => ref);
      this.#send({ type: "listed", id: message.id, refs });
    }
  }

  /** Stops all work at once: the data folder is gone. */
  async abandon(): Promise<void> {
    for (const attempt of this.#attempts.values()) attempt.stop(0);
    while (this.#running > 0) await new Promise((resolve) => setTimeout(resolve, 50));
    for (const { folders } of this.#quarters.values()) await folders.abandon();
    this.#cgroups?.sweep();
  }

  /** Leaves the folder to the next supervisor. */
  close(): void {
    for (const { folders, pipes } of this.#quarters.values()) {
      folders.close();
      pipes.remove();
    }
    this.#journal.close();
    this.#cgroups?.sweep();
  }

  #start(plan: StartMessage): void {
    const { ref } = plan;
    const key = keyOf(ref);
    const isKnown = this.#attempts.has(key) || this.#forgotten.has(key);
    if (isKnown || this.#tombstones.has(key)) {
      this.#send({ type: "started", ref, state: isKnown ? "EXISTS" : "STOPPED" });
      return;
    }
    try {
      const attempt = Attempt.start(plan, this.#tools(plan.owner));
      this.#attempts.set(key, attempt);
      this.#running++;
    } catch (error) {
      this.#send({ type: "startFailed", ref, message: messageOf(error), retryable: true });
    }
  }

  #stop(ref: Ref, graceMs: number): void {
    const key = keyOf(ref);
    const attempt = this.#attempts.get(key);
    try {
      if (attempt) attempt.stop(graceMs);
      else this.#tombstones.add(key, Date.now());
      this.#send({ type: "stopped", ref, state: attempt ? "STOPPING" : "GONE" });
    } catch (error) {
      this.#send({ type: "stopFailed", ref, message: messageOf(error) });
    }
  }

  #forget(key: string): void {
    const attempt = this.#attempts.get(key);
    if (!attempt?.hasEnded) return;
    this.#attempts.delete(key);
    this.#noteForgotten(key);
    const { ref, files } = attempt;
    // Files go only once the journal says so: the next supervisor would tell the result again, but without them.
    if (attempt.hasFiles) this.#journal.write({ e: "ack", ref }, () => removeFiles(files));
    else this.#journal.writeSometime({ e: "ack", ref });
  }

  #noteForgotten(key: string): void {
    this.#forgotten.add(key);
    if (this.#forgotten.size > REMEMBERED) {
      for (const oldest of this.#forgotten) {
        this.#forgotten.delete(oldest);
        break;
      }
    }
  }

  async #release(id: number, aggregateId: string): Promise<void> {
    try {
      for (const { folders } of this.#quarters.values()) await folders.removeRun(aggregateId);
      this.#send({ type: "released", id });
    } catch (error) {
      this.#send({ type: "released", id, error: messageOf(error) });
    }
  }

  #tools(owner: Owner | undefined): AttemptTools {
    const { folders, launchers } = this.#quartersOf(owner);
    return {
      folders,
      launchers,
      exits: () => folders.exits(this.#journal.epoch, () => this.#journal.exits),
      journal: this.#journal,
      cgroups: this.#cgroups,
      send: this.#send,
      ended: () => {
        this.#running--;
      },
      warn,
    };
  }

  async #recover(): Promise<void> {
    const before = this.#before ?? [];
    this.#oldPipes = drainOldPipes(join(this.#folder, "pipes"));
    this.#quartersOf(undefined);
    const found = await recover(before, ({ start }) => this.#quartersOf(start.owner).folders);
    for (const { key, ref, start, log } of before) {
      const recovered = found.get(key);
      if (!recovered) continue;
      const { files, startAt, owner } = start;
      const { result, outputs, note } = recovered;
      this.#attempts.set(key, Attempt.found({ ref, files, startAt, result, log, note }, this.#tools(owner)));
      // Found out once, it holds for all who come later.
      const told = { ...result, runtimeEnvs: undefined };
      if (note !== undefined) this.#journal.write({ e: "end", ref, result: told, outputs });
    }
    this.#before = undefined;
    for (const { folders } of this.#quarters.values()) this.#sweep(folders);
  }

  #sweep(folders: Folders): void {
    const files = new Set([...this.#attempts.values()].map((attempt) => attempt.files));
    folders.sweep(files, this.#journal.exits).catch((error) => warn(messageOf(error)));
  }

  #quartersOf(owner: Owner | undefined): Quarters {
    const name = owner ? String(owner.uid) : "";
    let quarters = this.#quarters.get(name);
    if (!quarters) {
      const home = owner ? homeOf(this.#dataDir, owner) : this.#folder;
      const pipes = new Pipes(join(this.#folder, "pipes"), `${this.#number}-${name}`, owner);
      const folders = new Folders(home, String(this.#number), owner);
      quarters = { folders, pipes, launchers: new Launchers(pipes, owner) };
      this.#quarters.set(name, quarters);
      if (!this.#before) this.#sweep(quarters.folders);
    }
    return quarters;
  }
}

function removeFiles(path: string): void {
  try {
    rmSync(path, { recursive: true, force: true });
  } catch (error) {
    warn(messageOf(error));
  }
}

/** The supervisor's standard error is its log. */
export function warn(message: string): void {
  process.stderr.write(`${new Date().toISOString()} ${message}\n`);
}
