// Wires a server by hand: every part is made here once and handed to those that need it.

import { randomBytes } from "node:crypto";
import type { AddressInfo } from "node:net";
import { MflowError } from "@mflow/core/errors";
import type { ServerState } from "@mflow/core/schema/api";
import { pino } from "pino";
import { openArtifacts } from "./artifacts/open-artifacts.ts";
import { Accounts } from "./auth/accounts.ts";
import { TokenAuthenticator } from "./auth/authenticate.ts";
import { createKeys } from "./auth/keys.ts";
import { readOrMake, secretFromFile, secretOf } from "./auth/secret-key.ts";
import type { ServerConfig } from "./config.ts";
import { openDataFolder } from "./data-folder.ts";
import { systemClock } from "./engine/clock.ts";
import { RunningEngine } from "./engine/engine.ts";
import { Limits } from "./engine/limits.ts";
import { createApp } from "./http/app.ts";
import { deliveryMetrics } from "./listeners/delivery-metrics.ts";
import { openListeners } from "./listeners/open-listeners.ts";
import { createTargetGuard } from "./listeners/target-guard.ts";
import { openFileLogStore } from "./logs/file-log-store.ts";
import { newId } from "./new-id.ts";
import { addressOf, listenError } from "./own-address.ts";
import { HistoryArchive } from "./retention/history-archive.ts";
import { Retention } from "./retention/retention.ts";
import { retentionMetrics } from "./retention/retention-metrics.ts";
import { createFakeRunner } from "./runners/fake/fake-runner.ts";
import { clusterMetrics } from "./runners/kubernetes/clusters/cluster-metrics.ts";
import { Clusters } from "./runners/kubernetes/clusters/clusters.ts";
import { createKubernetesRunner } from "./runners/kubernetes/kubernetes-runner.ts";
import { createManualRunner } from "./runners/manual/manual-runner.ts";
import { createShellRunner } from "./runners/shell/shell-runner.ts";
import { openStore } from "./store/open.ts";
import { Schedules } from "./triggers/schedules.ts";
import { VERSION } from "./version.ts";
import { whenIdle } from "./when-idle.ts";

export interface RunningServer {
  /** e.g. `http://127.0.0.1:7070`. */
  address: string;
  /** Resolves when the server has ended, by `close` or by itself when idle. */
  ended: Promise<void>;
  /** Takes no new work, finishes commits, leaves running tasks alone. */
  close(): Promise<void>;
}

/** Time between SIGTERM and SIGKILL for work that is canceled or out of time, milliseconds. */
const STOP_GRACE_MS = 10_000;

/** Who is made by `MFLOW_ADMIN_TOKEN`. */
const FIRST_ADMIN = "admin";

/** Starts a server; rejects with an `MflowError` that says what is wrong with its settings or its folder. */
export async function startServer(config: ServerConfig): Promise<RunningServer> {
  const opened = new AsyncDisposableStack();
  try {
    return await open(config, opened);
  } catch (error) {
    await opened.disposeAsync();
    throw isNoRoom(error)
      ? new MflowError("STORE_FULL", `There is no room in the data folder ${config.dataFolder} to start on`)
      : error;
  }
}

function isNoRoom(error: unknown): boolean {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return code === "ENOSPC" || code === "EDQUOT";
}

/** Opens every part, and notes in `opened` how it is closed: the last one first, also when a later one fails. */
async function open(config: ServerConfig, opened: AsyncDisposableStack): Promise<RunningServer> {
  const folder = openDataFolder(config.dataFolder);
  opened.defer(() => folder.release());
  const logger = pino({ level: config.logLevel }, pino.destination(config.logFile ?? process.stdout.fd));
  const current = config.secretKey ? secretOf(config.secretKey) : secretFromFile(folder.file("secret.key"));
  const keys = createKeys({
    current,
    ...(config.previousSecretKey ? { previous: secretOf(config.previousSecretKey) } : {}),
  });
  const localToken = readOrMake(
    folder.file("local.token"),
    () => `mfl_${randomBytes(32).toString("base64url")}`,
  );
  const store = await openStore(`sqlite:${folder.file("mflow.db")}`);
  opened.defer(() => store.close());
  const logs = await openFileLogStore(folder.file("logs"), { warn: (message) => logger.warn(message) });
  opened.defer(() => logs.close());
  const artifacts = await openArtifacts({
    store,
    folder: folder.file("artifacts"),
    settings: config.artifacts,
    newId,
    log: { warn: (message, error) => logger.warn({ err: error }, message) },
  });
  opened.defer(() => artifacts.close());
  const accounts = new Accounts(store.accounts, config.localUser);
  await accounts.load();
  if (config.adminToken !== undefined) await accounts.addFirstAdmin(FIRST_ADMIN, config.adminToken);
  refuseOpenWithoutUsers(config, accounts);

  let state: ServerState = "starting";
  let address = "";
  const publicUrl = () => config.publicUrl ?? address;
  const log = { warn: (message: string, error?: unknown) => logger.warn({ err: error }, message) };
  const listeners = await openListeners({
    ...{ store, logs, keys, newId, log, publicUrl, version: VERSION },
    allowedTargets: config.allowedTargets,
    language: config.language,
    addressesOf: (user) => accounts.addressesOf(user),
    languageOf: (user) => accounts.languageOf(user),
  });
  const now = () => new Date().toISOString();
  const clusters: Clusters = new Clusters({
    ...{ store: store.clusters, vault: keys, now },
    inUse: (name) => kubernetes.attemptsIn(name),
    abandon: (name) => kubernetes.abandon(name),
  });
  await clusters.load();
  const targets = createTargetGuard(config.allowedTargets);
  const kubernetes = createKubernetesRunner({
    clusters,
    attempts: store.runnerAttempts,
    vault: keys,
    logBytesPerTask: config.logBytesPerTask,
    artifactBytes: config.artifacts.artifactBytes,
    mayDial: (host, address) => targets.allows(host, address),
    log: logger,
  });
  const engine = new RunningEngine({
    store,
    logs,
    keys,
    newId,
    runners: [
      createFakeRunner(),
      createShellRunner({
        dataDir: folder.path,
        ...(config.shellUser !== undefined ? { user: config.shellUser } : {}),
        allowRootSteps: config.allowRootSteps,
        graceMs: STOP_GRACE_MS,
        limits: { bytesPerTask: config.logBytesPerTask, bytesPerSecond: config.logBytesPerSecond },
        artifactBytes: config.artifacts.artifactBytes,
        log: logger,
      }),
      kubernetes,
      createManualRunner(),
    ],
    stopGraceMs: STOP_GRACE_MS,
    maxTasks: config.maxTasks,
    groupMembers: (group, scope) => accounts.groupMembers(group, scope),
    standInOf: (user) => accounts.standInOf(user),
    cannotDecide: (user, scope) => accounts.cannotDecide(user, scope),
    rightsOf: (user, scope) => accounts.rightsOf(user, scope),
    listeners: listeners.hub,
    files: artifacts.files,
    mflowUrl: publicUrl,
    log,
  });
  const schedules = new Schedules({
    engine,
    store,
    cannotRun: (user, scope) => accounts.cannotRun(user, scope),
    log,
  });
  const limits = new Limits({
    ...{ store: store.limits, vault: keys, now },
    changed: (name, maxTasks) => engine.setLimit(name, maxTasks),
    tell: (events) => engine.tell(events),
  });
  await limits.load();
  const retention = new Retention({
    ...{ store, engine, log, clock: systemClock },
    defaults: config.retention,
  });
  const archive = new HistoryArchive({
    ...{ history: store.history, log, clock: systemClock },
    folder: folder.file("archive"),
    keepMs: config.historyMs,
  });
  const app = createApp({
    store,
    logs,
    engine,
    schedules,
    retention,
    archive,
    auth: new TokenAuthenticator(accounts, localToken),
    accounts,
    listeners,
    files: {
      artifacts: artifacts.artifacts,
      caches: artifacts.caches,
      verifyUpdateToken: (token, taskId, attempt) => keys.verifyUpdateToken(token, taskId, attempt),
      pods: kubernetes,
    },
    clusters,
    limits,
    tryOut: (request) => kubernetes.tryOut(request),
    // The client of Kubernetes is large, and most servers never check a cluster.
    checkCluster: async (spec, namespaces) =>
      (await import("./runners/kubernetes/clusters/check-cluster.ts")).checkCluster(spec, namespaces),
    callbacks: { settingsOf: (channel) => listeners.channels.open(channel), http: listeners.http, publicUrl },
    language: config.language,
    catalog: { vault: keys, newId, now },
    runnerTypes: ["FAKE", "SHELL", "K8S_JOB", "PIPELINE", "MANUAL"],
    allowedHosts: allowedHosts(config),
    allowedTargets: config.allowedTargets,
    terminals: { idleMs: config.terminalIdleMs },
    version: VERSION,
    state: () => state,
    gauges: () => gaugesOf(engine),
    samples: async () => [
      ...(await deliveryMetrics(listeners.dispatcher.figures, store.deliveries)),
      ...clusterMetrics(kubernetes.figures()),
      ...(await retentionMetrics(engine.removed, archive, store.space)),
    ],
    logger,
  });

  opened.defer(() => app.close());
  await app.listen({ host: config.host, port: config.port }).catch((error: unknown) => {
    throw listenError(config, error);
  });
  const { port } = app.server.address() as AddressInfo;
  address = addressOf(config.host, port);
  folder.announce({ address, pid: process.pid });
  // The engine stops first: what it still tells of is in the store then, for this life or the next.
  opened.defer(() => listeners.close());
  opened.defer(() => engine.stop());
  opened.defer(() => schedules.stop());
  await engine.start();
  await listeners.dispatcher.start();
  await schedules.start();
  artifacts.start();
  opened.defer(() => archive.stop());
  opened.defer(() => retention.stop());
  retention.start();
  archive.start();
  state = "ready";

  const { promise: ended, resolve: end } = Promise.withResolvers<void>();
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => {
    state = "draining";
    closing ??= opened.disposeAsync().finally(end);
    return closing;
  };
  if (config.idleExitMs !== undefined) {
    const { dispatcher } = listeners;
    const occupations = [
      { busy: () => engine.busy(), watch: engine.subscribe.bind(engine) },
      { busy: () => dispatcher.busy(), watch: dispatcher.subscribe.bind(dispatcher) },
      schedules,
    ];
    opened.defer(whenIdle(occupations, config.idleExitMs, close));
  }
  return { address, ended, close };
}

/** While there are no users, whoever reaches the server and its token may do everything: it stays on the machine. */
function refuseOpenWithoutUsers(config: ServerConfig, accounts: Accounts): void {
  const isLoopback = ["127.0.0.1", "::1", "localhost"].includes(config.host);
  if (isLoopback || !accounts.isLocal) return;
  throw new MflowError(
    "BAD_REQUEST",
    `--host ${config.host} opens the server to others, but there are no users; add one first: start it on 127.0.0.1 and run \`mflow user add NAME\`, or give MFLOW_ADMIN_TOKEN`,
  );
}

function allowedHosts(config: ServerConfig): string[] {
  const publicHost = config.publicUrl === undefined ? [] : [new URL(config.publicUrl).hostname];
  const bound = ["0.0.0.0", "::"].includes(config.host) ? [] : [config.host];
  return [...config.allowedHosts, ...publicHost, ...bound];
}

function gaugesOf(engine: RunningEngine) {
  const { unfinished, slotsHeld, slotsWaiting } = engine.counts;
  return [
    { name: "mflow_runs_unfinished", help: "Runs and lone tasks that have not ended.", value: unfinished },
    { name: "mflow_tasks_running", help: "Tasks that hold a slot.", value: slotsHeld },
    { name: "mflow_tasks_waiting", help: "Tasks that wait for a slot.", value: slotsWaiting },
  ];
}
