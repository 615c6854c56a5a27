// A whole server for tests: real store, logs, keys and engine on a folder of its own, the FAKE runner, real HTTP.

import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ErrorBody, ServerState } from "@mflow/core/schema/api";
import type { FastifyInstance } from "fastify";
import { type ArtifactSettings, type OpenArtifacts, openArtifacts } from "../../artifacts/open-artifacts.ts";
import { Accounts } from "../../auth/accounts.ts";
import { TokenAuthenticator } from "../../auth/authenticate.ts";
import { createKeys, type Keys } from "../../auth/keys.ts";
import { systemClock } from "../../engine/clock.ts";
import { RunningEngine } from "../../engine/engine.ts";
import { Limits } from "../../engine/limits.ts";
import type { Engine } from "../../engine/submit.ts";
import { type OpenListeners, openListeners } from "../../listeners/open-listeners.ts";
import { openFileLogStore } from "../../logs/file-log-store.ts";
import type { LogStore } from "../../logs/log-store.ts";
import { newId } from "../../new-id.ts";
import { HistoryArchive } from "../../retention/history-archive.ts";
import { Retention, type RetentionParts } from "../../retention/retention.ts";
import { createFakeRunner } from "../../runners/fake/fake-runner.ts";
import { checkCluster } from "../../runners/kubernetes/clusters/check-cluster.ts";
import { Clusters, type ClustersParts } from "../../runners/kubernetes/clusters/clusters.ts";
import { createManualRunner } from "../../runners/manual/manual-runner.ts";
import type { Runner } from "../../runners/runner.ts";
import { openSqliteStore } from "../../store/sqlite/sqlite.ts";
import type { Grant, Store } from "../../store/store.ts";
import { Schedules } from "../../triggers/schedules.ts";
import { type AppOptions, createApp } from "../app.ts";
import type { PodFilesParts } from "../services.ts";

/** A body of which a test knows little. */
export type Body = Record<string, unknown>;

export interface Answer<T = Body> {
  status: number;
  headers: Headers;
  body: T;
}

export interface CallOptions {
  /** Name of a user of the server, or a token; `null` sends none. Default `ada`, who is admin everywhere. */
  as?: string | null;
  headers?: Record<string, string>;
}

export interface TestServer {
  app: FastifyInstance;
  url: string;
  store: Store;
  logs: LogStore;
  engine: Engine;
  /** Not started: it works when it is asked. */
  retention: Retention;
  /** The same; `round` moves events. */
  archive: HistoryArchive;
  keys: Keys;
  accounts: Accounts;
  /** They may send to this machine. */
  listeners: OpenListeners;
  schedules: Schedules;
  clusters: Clusters;
  limits: Limits;
  artifacts: OpenArtifacts;
  setState(state: ServerState): void;
  /** Token of a user. */
  token(name: string): string;
  call<T = Body>(method: string, path: string, body?: unknown, options?: CallOptions): Promise<Answer<T>>;
  /** The answer of a call that must succeed. */
  ok<T = Body>(method: string, path: string, body?: unknown, options?: CallOptions): Promise<T>;
  /** Status and code of a call that must be refused. */
  refusal(method: string, path: string, body?: unknown, options?: CallOptions): Promise<[number, string]>;
  close(): Promise<void>;
}

const LOCAL_TOKEN = "the-local-token";

/** `ada` is admin, `otto` operator, `vera` viewer, everywhere; `tim` is operator of the namespace `team` alone. */
async function addUsers(accounts: Accounts, tokens: Map<string, string>): Promise<void> {
  const everywhere = { domain: "*", namespace: "*" };
  const users: [string, Omit<Grant, "user">[]][] = [
    ["ada", []],
    ["otto", [{ role: "operator", ...everywhere }]],
    ["vera", [{ role: "viewer", ...everywhere }]],
    ["tim", [{ role: "operator", domain: "default", namespace: "team" }]],
  ];
  for (const [name, grants] of users) {
    await accounts.addUser(name, { grants });
    tokens.set(name, (await accounts.createToken(name, "test")).secret);
  }
}

export interface TestOptions extends Partial<Omit<AppOptions, "retention" | "archive">> {
  /** No users: the token of `local` is the local one. */
  isLocal?: boolean;
  /** Of retention; else everything is kept, and nothing goes that has not ended a minute ago. */
  retained?: Partial<RetentionParts>;
  /** Events go to the archive after so long, in portions of so many. */
  archived?: { keepMs: number; portion: number };
  /** Instead of the FAKE runner. */
  runner?: Runner;
  /** How much of artifacts and caches is kept. */
  artifactSettings?: Partial<ArtifactSettings>;
  /** Who answers mflow's own containers in pods. */
  pods?: PodFilesParts;
  /** What clusters ask of their runner. */
  clusterWork?: Pick<ClustersParts, "inUse" | "abandon">;
}

export async function startTestServer({
  isLocal,
  runner,
  clusterWork,
  artifactSettings,
  pods,
  retained,
  archived,
  ...options
}: TestOptions = {}): Promise<TestServer> {
  const folder = await mkdtemp(join(tmpdir(), "mflow-http-"));
  const store = await openSqliteStore(join(folder, "mflow.db"));
  const logs = await openFileLogStore(join(folder, "logs"));
  const keys = createKeys({ current: randomBytes(32) });
  const accounts = new Accounts(store.accounts, "local");
  await accounts.load();
  const tokens = new Map([["local", LOCAL_TOKEN]]);
  if (!isLocal) await addUsers(accounts, tokens);
  const log = { warn: () => undefined };
  const listeners = await openListeners({
    ...{ store, logs, keys, newId, log, version: "0.0.0-test", language: "en" },
    allowedTargets: ["127.0.0.1"],
    addressesOf: (user) => accounts.addressesOf(user),
    languageOf: (user) => accounts.languageOf(user),
    publicUrl: () => "http://127.0.0.1",
  });
  const now = () => new Date().toISOString();
  const clusters = new Clusters({ store: store.clusters, vault: keys, now, ...clusterWork });
  await clusters.load();
  const artifacts = await openArtifacts({
    ...{ store, newId, log, folder: join(folder, "artifacts") },
    settings: {
      ...{ artifactBytes: 2 ** 20, cacheBytes: 2 ** 22, cacheAgeMs: 3600_000 },
      ...artifactSettings,
    },
  });
  artifacts.start();
  const engine = new RunningEngine({
    store,
    files: artifacts.files,
    logs,
    keys,
    runners: [runner ?? createFakeRunner(), createManualRunner()],
    maxTasks: 8,
    groupMembers: (group, scope) => accounts.groupMembers(group, scope),
    standInOf: (user) => accounts.standInOf(user),
    cannotDecide: (user, scope) => accounts.cannotDecide(user, scope),
    rightsOf: (user, scope) => accounts.rightsOf(user, scope),
    newId,
    mflowUrl: () => "http://127.0.0.1",
    listeners: listeners.hub,
    log,
  });
  const schedules = new Schedules({
    engine,
    store,
    cannotRun: (user, scope) => accounts.cannotRun(user, scope),
    log,
  });
  await engine.start();
  await schedules.start();
  await listeners.dispatcher.start();
  const retention = new Retention({ store, engine, log, clock: systemClock, defaults: {}, ...retained });
  const archive = new HistoryArchive({
    ...{ history: store.history, log, clock: systemClock, folder: join(folder, "archive") },
    ...{ keepMs: undefined, ...archived },
  });
  let state: ServerState = "ready";
  const limits = new Limits({
    ...{ store: store.limits, vault: keys, now },
    changed: (name, maxTasks) => engine.setLimit(name, maxTasks),
    tell: (events) => engine.tell(events),
  });
  await limits.load();
  const app = createApp({
    store,
    logs,
    engine,
    schedules,
    retention,
    archive,
    catalog: { vault: keys, newId, now: () => new Date().toISOString() },
    auth: new TokenAuthenticator(accounts, LOCAL_TOKEN),
    accounts,
    listeners,
    files: {
      artifacts: artifacts.artifacts,
      caches: artifacts.caches,
      verifyUpdateToken: (token, taskId, attempt) => keys.verifyUpdateToken(token, taskId, attempt),
      ...(pods && { pods }),
    },
    clusters,
    limits,
    checkCluster,
    tryOut: async () => {},
    allowedTargets: ["127.0.0.1"],
    callbacks: {
      settingsOf: (channel) => listeners.channels.open(channel),
      http: listeners.http,
      publicUrl: () => "http://127.0.0.1",
    },
    version: "0.0.0-test",
    state: () => state,
    ...options,
  });
  const url = await app.listen({ port: 0, host: "127.0.0.1" });

  async function call<T = Body>(
    method: string,
    path: string,
    body?: unknown,
    { as = "ada", headers = {} }: CallOptions = {},
  ): Promise<Answer<T>> {
    const isText = typeof body === "string" || body instanceof Uint8Array;
    const response = await fetch(url + (path.startsWith("/api/") ? path : `/api/v1${path}`), {
      method,
      headers: {
        ...(as === null ? {} : { authorization: `Bearer ${tokens.get(as) ?? as}` }),
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...headers,
      },
      body: body === undefined ? undefined : isText ? (body as string) : JSON.stringify(body),
    });
    const text = await response.text();
    const isJson = /[/+]json\b/.test(response.headers.get("content-type") ?? "");
    const parsed = (isJson ? JSON.parse(text) : text) as T;
    return { status: response.status, headers: response.headers, body: parsed };
  }

  return {
    app,
    url,
    store,
    logs,
    engine,
    retention,
    archive,
    keys,
    accounts,
    listeners,
    schedules,
    clusters,
    limits,
    artifacts,
    setState: (next) => {
      state = next;
    },
    token: (name) => tokens.get(name) ?? "",
    call,
    async ok<T = Body>(method: string, path: string, body?: unknown, callOptions?: CallOptions): Promise<T> {
      const answer = await call<T>(method, path, body, callOptions);
      if (answer.status >= 300) throw new Error(`${method} ${path}: ${JSON.stringify(answer.body)}`);
      return answer.body;
    },
    async refusal(method, path, body, callOptions) {
      const answer = await call<ErrorBody>(method, path, body, callOptions);
      if (answer.status < 300) throw new Error(`${method} ${path} was not refused`);
      return [answer.status, answer.body.code];
    },
    async close() {
      await app.close();
      await schedules.stop();
      await retention.stop();
      await archive.stop();
      await engine.stop();
      await artifacts.close();
      await listeners.close();
      await logs.close();
      await store.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Asks again and again, at most twenty seconds, until the answer is what is waited for. */
export async function eventually<T>(ask: () => Promise<T>, isIt: (value: T) => boolean): Promise<T> {
  const deadline = Date.now() + 20_000;
  for (;;) {
    const value = await ask();
    if (isIt(value)) return value;
    if (Date.now() > deadline) throw new Error(`it did not come: ${JSON.stringify(value)}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
