// Listeners on a real store, without an engine: messages are committed as the engine does it, and go out over real HTTP.

import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Delivery } from "@mflow/core/schema/delivery";
import type { ListenerEvent, Listeners } from "@mflow/core/schema/listener";
import type { Message } from "@mflow/core/schema/message";
import { createKeys } from "../../auth/keys.ts";
import { openFileLogStore } from "../../logs/file-log-store.ts";
import { newId } from "../../new-id.ts";
import { openSqliteStore } from "../../store/sqlite/sqlite.ts";
import type { Store } from "../../store/store.ts";
import { aCommit, aDefinition, aNewRun, aRun } from "../../store/testing/records.ts";
import type { DispatcherTiming } from "../dispatcher-timing.ts";
import { type OpenListeners, openListeners } from "../open-listeners.ts";

export interface OutboxRig {
  store: Store;
  /** Of the present life. */
  readonly listeners: OpenListeners;
  /** What was warned of. */
  warnings: string[];
  /** A run with these listeners of its request; its id. */
  addRun(listeners: Listeners): Promise<string>;
  /** Commits messages to all webhooks and robots of a run; the messages, in order. */
  tell(runId: string, types: readonly ListenerEvent[]): Promise<Message[]>;
  /** All deliveries, oldest first. */
  deliveries(): Promise<Delivery[]>;
  /** Resolves when nothing waits; rejects after the deadline, milliseconds. */
  settled(deadlineMs?: number): Promise<Delivery[]>;
  /** Stops the listeners and opens them anew on the same store, as a new life of the server. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

export interface RigOptions {
  timing?: Partial<DispatcherTiming>;
  allowedTargets?: string[];
}

/** Times short enough for tests; but a busy machine may take a second to answer. */
export const FAST: Partial<DispatcherTiming> = {
  timeoutMs: 10_000,
  stopMs: 100,
  firstRestMs: 50,
  retry: { firstMs: 20, longestMs: 100, giveUpAfterMs: 60_000, leastTries: 3, random: () => 0.5 },
  breaker: { failures: 3, firstOpenMs: 200, longestOpenMs: 400, random: () => 0.5 },
};

export async function openOutboxRig({
  timing,
  allowedTargets = ["127.0.0.1"],
}: RigOptions = {}): Promise<OutboxRig> {
  const folder = await mkdtemp(join(tmpdir(), "mflow-outbox-"));
  const store = await openSqliteStore(join(folder, "mflow.db"));
  const logs = await openFileLogStore(join(folder, "logs"));
  const keys = createKeys({ current: randomBytes(32) });
  const warnings: string[] = [];
  const runs = new Map<string, { listeners: Listeners; revision: number }>();
  let numbers = 0;
  const open = async () => {
    const opened = await openListeners({
      ...{ store, logs, keys, newId, allowedTargets },
      version: "test",
      language: "en",
      addressesOf: () => ({}),
      languageOf: () => undefined,
      publicUrl: () => "https://mflow.example",
      log: { warn: (message, error) => void warnings.push(`${message}: ${error}`) },
      timing: { ...FAST, ...timing },
    });
    await opened.dispatcher.start();
    return opened;
  };
  let listeners = await open();

  async function deliveries(): Promise<Delivery[]> {
    const all: Delivery[] = [];
    let cursor: string | undefined;
    do {
      const page = await store.deliveries.list({ limit: 500, ...(cursor && { cursor }) });
      all.push(...page.items);
      cursor = page.nextCursor;
    } while (cursor !== undefined);
    return all.reverse();
  }

  return {
    store,
    get listeners() {
      return listeners;
    },
    warnings,
    deliveries,
    async addRun(given) {
      const run = aRun(++numbers, { id: newId("run") });
      const definition = { ...aDefinition(), listeners: given };
      const [result] = await store.runs.commit([aNewRun(run, [], { definition })], {
        owner: "test",
        until: 0,
      });
      if (!result?.ok) throw new Error("the run could not be added");
      runs.set(run.id, { listeners: given, revision: run.revision });
      return run.id;
    },
    async tell(runId, types) {
      const run = runs.get(runId);
      if (!run) throw new Error(`there is no run ${runId}`);
      const messages = types.map((type) => messageOf(runId, type));
      const told = messages.map((message) => {
        const { webhooks = [], imRobots = [] } = run.listeners;
        const recipients = [
          ...webhooks.map(({ url, channel }, index) => ({
            listener: `request/webhooks/${index}`,
            action: "SEND" as const,
            place: { kind: "WEBHOOK" as const, ...(url && { url }), ...(channel && { channel }) },
          })),
          ...imRobots.map(({ channel = "" }, index) => ({
            listener: `request/imRobots/${index}`,
            action: "SEND" as const,
            place: { kind: "ROBOT" as const, channel },
          })),
        ];
        return { message, deliveries: listeners.hub.deliveriesOf({ message, recipients }, runId) };
      });
      const before = run.revision++;
      const row = aRun(1, { id: runId, revision: run.revision });
      const commit = aCommit(runId, before, { run: row, messages: told });
      const [result] = await store.runs.commit([commit], { owner: "test", until: 0 });
      if (!result?.ok) throw new Error("the messages could not be committed");
      listeners.hub.committed(told.flatMap(({ deliveries: each }) => each));
      return messages;
    },
    async settled(deadlineMs = 30_000) {
      const deadline = performance.now() + deadlineMs;
      for (;;) {
        const waiting = (await store.deliveries.targets()).reduce((sum, { pending }) => sum + pending, 0);
        if (waiting === 0) return deliveries();
        if (performance.now() > deadline) throw new Error(`${waiting} deliveries still wait`);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    },
    async restart() {
      await listeners.close();
      listeners = await open();
    },
    async close() {
      await listeners.close();
      await logs.close();
      await store.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function messageOf(runId: string, type: ListenerEvent): Message {
  return {
    version: 1,
    id: newId("msg"),
    type,
    at: new Date().toISOString(),
    domain: "default",
    namespace: "default",
    startedBy: "ana",
    run: { id: runId, name: "release", stage: "ACTIVE", triggerMode: "MANUAL" },
  };
}

/** Waits for what nobody signals; rejects after twenty seconds. */
export async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + 20_000; !(await isSo()); ) {
    if (Date.now() > deadline) throw new Error("it did not come");
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
