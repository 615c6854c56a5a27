// The HTTP server as one Fastify instance: security first, then the routes of the table. It holds no global
// state; two apps in one process know nothing of each other.

import { randomBytes } from "node:crypto";
import type { ServerState } from "@mflow/core/schema/api";
import type { Language } from "@mflow/core/schema/listener";
import Fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyServerOptions,
  LogController,
} from "fastify";
import type { Accounts } from "../auth/accounts.ts";
import type { CatalogContext } from "../catalog/context.ts";
import type { Limits } from "../engine/limits.ts";
import type { Engine } from "../engine/submit.ts";
import type { OpenListeners } from "../listeners/open-listeners.ts";
import { createTargetGuard } from "../listeners/target-guard.ts";
import type { LogStore } from "../logs/log-store.ts";
import type { Clusters } from "../runners/kubernetes/clusters/clusters.ts";
import type { Store } from "../store/store.ts";
import type { Schedules } from "../triggers/schedules.ts";
import { useJsonBodies, useRawBodies, useStreamedBodies, useYamlBodies } from "./body.ts";
import { useBodyTimeout } from "./body-timeout.ts";
import type { Authenticator } from "./caller.ts";
import { closePromptly } from "./closing.ts";
import { answerMalformedHttp, sendError, useErrorCatalogue } from "./errors.ts";
import { EventBell } from "./event-bell.ts";
import { useFormBodies } from "./form-body.ts";
import { checkHost } from "./host.ts";
import { type Gauge, Metrics, type Sampled, useMetrics } from "./metrics.ts";
import { registerRoutes } from "./register.ts";
import type { Route } from "./route.ts";
import { accountRoutes } from "./routes/accounts.ts";
import { artifactRoutes } from "./routes/artifacts.ts";
import { cacheRoutes } from "./routes/caches.ts";
import { callbackRoutes } from "./routes/callbacks.ts";
import { channelRoutes } from "./routes/channels.ts";
import { clusterRoutes } from "./routes/clusters.ts";
import { decideRoutes } from "./routes/decide.ts";
import { deliveryRoutes } from "./routes/deliveries.ts";
import { eventRoutes } from "./routes/events.ts";
import { evidenceRoutes } from "./routes/evidence.ts";
import { inboxRoutes } from "./routes/inbox.ts";
import { jobTaskRoutes } from "./routes/job-tasks.ts";
import { jobRoutes } from "./routes/jobs.ts";
import { limitRoutes } from "./routes/limits.ts";
import { manifestRoutes } from "./routes/manifests.ts";
import { pauseRoutes } from "./routes/pauses.ts";
import { pipelineTaskRoutes } from "./routes/pipeline-tasks.ts";
import { pipelineRoutes } from "./routes/pipelines.ts";
import { podFileRoutes } from "./routes/pod-files.ts";
import { recordRoutes } from "./routes/records.ts";
import { retentionRoutes } from "./routes/retention.ts";
import { scheduleRoutes } from "./routes/schedules.ts";
import { serverRoutes } from "./routes/server.ts";
import { signpostRoutes } from "./routes/signposts.ts";
import { taskLogRoutes } from "./routes/task-logs.ts";
import { terminalRoutes } from "./routes/terminals.ts";
import { serialise } from "./serialise.ts";
import type { CallbackParts, CheckCluster, FileParts, Services } from "./services.ts";
import { EventStreams, STREAM_TIMING, type StreamTiming } from "./sse.ts";
import { TERMINAL_SETTINGS, TerminalSessions, type TerminalSettings } from "./terminal-sessions.ts";
import { asksForWebSocket, useWebSockets } from "./web-sockets.ts";

const BODY_LIMIT = 1024 * 1024;

/** The routes whose bodies are not JSON alone: how to tell them, and what reads their bodies. */
const OWN_BODIES: readonly { has(route: Route): boolean; use(app: FastifyInstance): void }[] = [
  { has: ({ form = false }) => form, use: useFormBodies },
  { has: ({ rawBody = false }) => rawBody, use: useRawBodies },
  { has: ({ streamBody = false }) => streamBody, use: useStreamedBodies },
  { has: ({ yaml = false }) => yaml, use: useYamlBodies },
];

/**
 * Bodies are validated by core and answers serialised by `serialise`, so Fastify's own compilers are never used;
 * to name others spares a starting server loading them.
 */
const noCompilers = {
  compilersFactory: {
    buildValidator: () => () => () => true,
    buildSerializer: () => () => serialise,
  },
} as unknown as FastifyServerOptions["schemaController"];

export interface AppOptions {
  store: Store;
  logs: LogStore;
  engine: Engine;
  retention: Services["retention"];
  archive: Services["archive"];
  /** How the catalogue seals, names and dates; its events are announced by the app. */
  catalog: Omit<CatalogContext, "store" | "runs" | "announce" | "written">;
  schedules: Schedules;
  auth: Authenticator;
  accounts: Accounts;
  /** The channels, the links by which gates are decided, and who sends. */
  listeners: Pick<OpenListeners, "channels" | "links" | "dispatcher">;
  files: FileParts;
  clusters: Clusters;
  limits: Limits;
  checkCluster: CheckCluster;
  /** Asks a cluster whether it would take a Job. Rejects with RUNNER_REFUSED that says why not. */
  tryOut: Services["tryOut"];
  /** Ranges, addresses and names of hosts that messages may be sent to although they are not public. */
  allowedTargets?: readonly string[];
  /** Absent: there are no app channels, and every callback is refused. */
  callbacks?: CallbackParts;
  /** Language of pages for people whose browser wants none that there is (default `en`). */
  language?: Language;
  /** Runners that the server has; lint warns of jobs for others. */
  runnerTypes?: readonly string[];
  /** Names of this server in Host and Origin headers besides the loopback ones, e.g. `mflow.example.com`. */
  allowedHosts?: readonly string[];
  /** Largest body, bytes. */
  bodyLimit?: number;
  /** Of the server, as people read it. */
  version: string;
  state(): ServerState;
  /** What the engine tells for `/metrics`. */
  gauges?(): Gauge[];
  /** What the listeners tell for `/metrics`. */
  samples?(): Promise<Sampled[]>;
  logger?: FastifyBaseLogger;
  /** Of terminals in tasks; what is absent is as usual. */
  terminals?: Partial<TerminalSettings>;
  /** For tests. */
  streamTiming?: StreamTiming;
}

function newRequestId(): string {
  return `req-${randomBytes(9).toString("base64url")}`;
}

/** All routes, in the order of the document. */
function allRoutes(services: Services, metrics: Metrics): Route[] {
  const routes: Route[] = [
    ...jobRoutes(services),
    ...pipelineRoutes(services),
    ...scheduleRoutes(services),
    ...manifestRoutes(services),
    ...pipelineTaskRoutes(services),
    ...jobTaskRoutes(services),
    ...evidenceRoutes(services),
    ...inboxRoutes(services),
    ...recordRoutes(services),
    ...channelRoutes(services),
    ...clusterRoutes(services),
    ...limitRoutes(services),
    ...pauseRoutes(services),
    ...deliveryRoutes(services),
    ...taskLogRoutes(services),
    ...artifactRoutes(services),
    ...cacheRoutes(services),
    ...podFileRoutes(services),
    ...terminalRoutes(services),
    ...eventRoutes(services),
    ...retentionRoutes(services),
    ...accountRoutes(services),
    ...decideRoutes(services),
    ...callbackRoutes(services),
    ...signpostRoutes(services),
  ];
  routes.push(...serverRoutes(services, metrics, () => routes));
  return routes;
}

/** Makes the app; `listen` or `inject` on it. Closing it ends its streams and leaves store and engine alone. */
export function createApp(options: AppOptions): FastifyInstance {
  const { store, logs, engine, auth, accounts, version, state, bodyLimit = BODY_LIMIT } = options;
  const app = Fastify({
    ...(options.logger ? { loggerInstance: options.logger } : { logger: false }),
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit,
    genReqId: newRequestId,
    requestIdHeader: false,
    schemaController: noCompilers,
    // What must arrive in time is counted by useBodyTimeout; headers by Node.
    requestTimeout: 0,
    routerOptions: { maxParamLength: 512 },
    clientErrorHandler: answerMalformedHttp,
    frameworkErrors: (error, request, reply) => sendError(error, request, reply, bodyLimit),
    return503OnClosing: false,
    http: { headersTimeout: 60_000, shouldUpgradeCallback: asksForWebSocket },
  });
  const bell = new EventBell(engine, options.schedules);
  const streams = new EventStreams(options.streamTiming ?? STREAM_TIMING, async ({ bearer, ip }) =>
    bearer === undefined ? undefined : auth.authenticate(bearer, ip),
  );
  const terminals = new TerminalSessions({ ...TERMINAL_SETTINGS, ...options.terminals });
  const metrics = new Metrics(options.gauges ?? (() => []), options.samples);
  const allowed = new Set(options.allowedHosts?.map((name) => name.toLowerCase()));
  const catalog: CatalogContext = {
    ...options.catalog,
    store: store.catalog,
    runs: store.runs,
    announce: (events) => bell.announce(events),
    written: (changes) => {
      options.schedules.written(changes);
      for (const change of changes) {
        if ("remove" in change) continue;
        if (change.put === "cluster") options.clusters.written(change.cluster);
        if (change.put === "limit") options.limits.written(change.limit);
      }
    },
  };

  useErrorCatalogue(app, bodyLimit);
  useJsonBodies(app);
  app.setReplySerializer(serialise);
  app.decorateRequest("caller", undefined);
  app.decorateRequest("bearer", undefined);
  app.addHook("onRequest", (request, reply, done) => {
    reply.header("X-Content-Type-Options", "nosniff");
    reply.header("Cache-Control", "no-store");
    try {
      checkHost(request.raw, allowed);
      done();
    } catch (error) {
      done(error as Error);
    }
  });
  useBodyTimeout(app);
  useMetrics(app, metrics);
  useWebSockets(app);
  closePromptly(app, () => {
    streams.endAll();
    terminals.endAll();
    bell.close();
  });

  const targets = createTargetGuard(options.allowedTargets ?? []);
  const lint = {
    store: store.catalog,
    runnerTypes: options.runnerTypes,
    people: () => accounts.people(),
    channels: () => options.listeners.channels.kinds(),
    // What other names stand for is known where a connection is dialled.
    allowsTarget: (host: string) =>
      targets.allows(host, host.endsWith("localhost") ? "127.0.0.1" : host.replace(/^\[|\]$/g, "")),
  };
  const services: Services = {
    ...{ retention: options.retention, archive: options.archive },
    ...{ store, logs, engine, catalog, lint, accounts, auth, bell, streams, terminals, version, state },
    links: options.listeners.links,
    channels: options.listeners.channels,
    schedules: options.schedules,
    files: options.files,
    clusters: options.clusters,
    limits: options.limits,
    checkCluster: options.checkCluster,
    tryOut: options.tryOut,
    dispatcher: options.listeners.dispatcher,
    ...(options.callbacks && { callbacks: options.callbacks }),
    language: options.language ?? "en",
  };
  const routes = allRoutes(services, metrics);
  const guards = { auth, state };
  registerRoutes(
    app,
    routes.filter((route) => !OWN_BODIES.some(({ has }) => has(route))),
    guards,
  );
  for (const { has, use } of OWN_BODIES) {
    app.register((scope, _options, done) => {
      use(scope);
      registerRoutes(scope, routes.filter(has), guards);
      done();
    });
  }
  return app;
}
