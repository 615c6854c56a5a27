// A server's schedules in virtual time: the real store, engine and service with the FAKE runner. It can be stopped, or
// killed so that nothing under way is finished, and started again on what is in its folder.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeId } from "@mflow/core/ids";
import { parseManifests } from "@mflow/core/manifest";
import type { HistoryEvent } from "@mflow/core/schema/event";
import type { PipelineTask } from "@mflow/core/schema/pipeline-task";
import { DEFAULT_SCOPE } from "@mflow/core/schema/scalars";
import type { Firing, Schedule, ScheduleView } from "@mflow/core/schema/schedule";
import { createKeys } from "@mflow/server/auth/keys";
import { applyManifests } from "@mflow/server/catalog/apply";
import type { CatalogContext } from "@mflow/server/catalog/context";
import { RunningEngine } from "@mflow/server/engine/engine";
import type { Engine } from "@mflow/server/engine/submit";
import { openFileLogStore } from "@mflow/server/logs/file-log-store";
import { createFakeRunner } from "@mflow/server/runners/fake/fake-runner";
import { openSqliteStore } from "@mflow/server/store/sqlite/sqlite";
import type { Store } from "@mflow/server/store/store";
import { Schedules } from "@mflow/server/triggers/schedules";
import { VirtualClock } from "./virtual-clock.ts";

/** Lays something over a part that the service works with. */
export interface Overlaid {
  engine?(engine: RunningEngine): Pick<Engine, "runPipeline" | "cancelRun" | "subscribe">;
  store?(store: Store): Store;
}

export class ScheduleWorld {
  readonly clock: VirtualClock;
  readonly events: HistoryEvent[] = [];
  /** Why users may not run things; everybody else may. */
  readonly barred = new Map<string, string>();
  readonly #folder: string;
  readonly #keys = createKeys({ current: new Uint8Array(32).fill(7) });
  #idCount = 0;
  #close: () => Promise<void> = async () => {};
  store!: Store;
  engine!: RunningEngine;
  schedules!: Schedules;

  private constructor(folder: string, start: string) {
    this.#folder = folder;
    this.clock = new VirtualClock(Date.parse(start));
  }

  static async at(start: string): Promise<ScheduleWorld> {
    const world = new ScheduleWorld(await mkdtemp(join(tmpdir(), "mflow-schedules-")), start);
    await world.open();
    return world;
  }

  async open(overlaid: Overlaid = {}): Promise<void> {
    const { clock } = this;
    const store = await openSqliteStore(join(this.#folder, "mflow.db"), { now: () => clock.now() });
    const logs = await openFileLogStore(join(this.#folder, "logs"));
    const engine = new RunningEngine({
      store,
      logs,
      runners: [createFakeRunner({ clock })],
      keys: this.#keys,
      maxTasks: 100,
      groupMembers: () => [],
      newId: (prefix) => this.#newId(prefix),
      mflowUrl: () => "http://mflow.test",
      log: { warn() {} },
      clock,
    });
    const schedules = new Schedules({
      engine: overlaid.engine?.(engine) ?? engine,
      store: overlaid.store?.(store) ?? store,
      cannotRun: (user) => this.barred.get(user),
      clock,
      log: { warn() {} },
    });
    Object.assign(this, { store, engine, schedules });
    schedules.subscribe((event) => this.events.push(event));
    await engine.start();
    await schedules.start();
    await this.settled();
    this.#close = async () => {
      await schedules.stop();
      await engine.stop();
      await logs.close();
      await store.close();
    };
  }

  /** The server is away until a time. */
  async downUntil(time: string, overlaid: Overlaid = {}): Promise<void> {
    await this.#close();
    this.clock.goTo(Date.parse(time));
    await this.open(overlaid);
    await this.goTo(time);
  }

  async dispose(): Promise<void> {
    await this.#close();
    await rm(this.#folder, { recursive: true });
  }

  #newId(prefix: string): string {
    const random = new Uint8Array(10);
    new DataView(random.buffer).setUint32(6, ++this.#idCount);
    return makeId(prefix, this.clock.now(), random);
  }

  get #catalog(): CatalogContext {
    return {
      store: this.store.catalog,
      runs: this.store.runs,
      vault: this.#keys,
      newId: (prefix) => this.#newId(prefix),
      now: () => new Date(this.clock.now()).toISOString(),
      announce: () => {},
      written: (changes) => this.schedules.written(changes),
    };
  }

  async apply(manifests: string, actor = "ana"): Promise<void> {
    const { documents, problems } = parseManifests(manifests);
    if (problems.length > 0) throw new Error(JSON.stringify(problems));
    const given = documents.map(({ manifest }) => ({ manifest, locate: <T>(problem: T) => problem }));
    await applyManifests(this.#catalog, given, { scope: DEFAULT_SCOPE, actor, mayWrite: () => {} });
    await this.settled();
  }

  /** Nothing is under way any more; only timers may bring something. */
  async settled(): Promise<void> {
    await this.schedules.settled();
    await this.engine.settled();
    await this.schedules.settled();
  }

  /** Everything that happens until a time happens. */
  async goTo(time: string): Promise<void> {
    const end = Date.parse(time);
    for (;;) {
      await this.settled();
      const { nextAt } = this.clock;
      if (nextAt === undefined || nextAt > end) break;
      this.clock.ringNext();
    }
    this.clock.goTo(end);
  }

  async schedule(name: string): Promise<Schedule> {
    const schedule = await this.store.catalog.findSchedule(DEFAULT_SCOPE, name);
    if (!schedule) throw new Error(`there is no schedule ${name}`);
    return schedule;
  }

  async view(name: string): Promise<ScheduleView> {
    return this.schedules.view(await this.schedule(name));
  }

  /** What became of the times of a schedule, oldest first: `12:00 STARTED`. */
  async firings(name: string): Promise<string[]> {
    const { firings } = (await this.view(name)).status;
    return firings.toReversed().map(firingText);
  }

  /** All runs, oldest first. */
  async runs(): Promise<PipelineTask[]> {
    return (await this.store.runs.listRuns({ limit: 500 })).items.toReversed();
  }

  /** The times that runs are for and their stages, oldest first. */
  async started(): Promise<string[]> {
    return (await this.runs()).map((run) => {
      const time = run.labels?.["mflow.scheduledAt"];
      return `${time ? shortTime(time) : "by hand"} ${run.status.stage}`;
    });
  }
}

function firingText({ time, since, count, outcome }: Firing): string {
  const many = count === undefined ? "" : ` (${count})`;
  return `${since ? `${shortTime(since)}-` : ""}${shortTime(time)} ${outcome}${many}`;
}

/** `12:00`, with seconds when there are some. */
function shortTime(time: string): string {
  return time.slice(11, 19).replace(/:00$/, "");
}
