// What the routes work with. Main makes the parts, `createApp` puts them together; an app has one set.

import type { ServerState } from "@mflow/core/schema/api";
import type { PodFilesQuery } from "@mflow/core/schema/artifact";
import type { ChannelSpec } from "@mflow/core/schema/channel";
import type { ClusterSpec } from "@mflow/core/schema/cluster";
import type { ClusterCheck } from "@mflow/core/schema/cluster-check";
import type { Language } from "@mflow/core/schema/listener";
import type { Artifacts } from "../artifacts/artifacts.ts";
import type { Caches } from "../artifacts/caches.ts";
import type { Accounts } from "../auth/accounts.ts";
import type { CatalogContext } from "../catalog/context.ts";
import type { Limits } from "../engine/limits.ts";
import type { Engine } from "../engine/submit.ts";
import type { HttpSender } from "../listeners/channel.ts";
import type { Channels } from "../listeners/channels.ts";
import type { DecisionLinks } from "../listeners/decision-links.ts";
import type { Dispatcher } from "../listeners/dispatcher.ts";
import type { LogStore } from "../logs/log-store.ts";
import type { HistoryArchive } from "../retention/history-archive.ts";
import type { Retention } from "../retention/retention.ts";
import type { Clusters } from "../runners/kubernetes/clusters/clusters.ts";
import type { AttemptRef, StartRequest } from "../runners/runner.ts";
import type { Store } from "../store/store.ts";
import type { Schedules } from "../triggers/schedules.ts";
import type { Authenticator } from "./caller.ts";
import type { EventBell } from "./event-bell.ts";
import type { LintSources } from "./manifest-input.ts";
import type { EventStreams } from "./sse.ts";
import type { TerminalSessions } from "./terminal-sessions.ts";

/** What the callbacks of chat platforms need of the channels. */
export interface CallbackParts {
  /** Settings of a channel, secrets opened; undefined when there is none of this name. */
  settingsOf(channel: string): ChannelSpec | undefined;
  /** How platforms are answered besides. */
  http: HttpSender;
  /** Address of the server as people reach it. */
  publicUrl(): string;
}

/** Asks a cluster whose secrets are opened whether it can be used, also in these namespaces. */
export type CheckCluster = (spec: ClusterSpec, namespaces: readonly string[]) => Promise<ClusterCheck>;

/** Answers mflow's own containers in pods of tasks. */
export interface PodFilesParts {
  podFiles(
    ref: AttemptRef,
    call: { step: string; query: PodFilesQuery; body: AsyncIterable<Uint8Array> },
  ): Promise<string>;
  podFile(ref: AttemptRef, step: string, number: number): Promise<string>;
}

/** Artifacts and caches, and how tasks prove that they are theirs. */
export interface FileParts {
  artifacts: Artifacts;
  caches: Caches;
  /** Absent: there are no tasks on clusters. */
  pods?: PodFilesParts;
  verifyUpdateToken(token: string, taskId: string, attempt: number): boolean;
}

export interface Services {
  files: FileParts;
  store: Store;
  logs: LogStore;
  engine: Engine;
  retention: Pick<Retention, "cleanup">;
  /** Old events that are no longer in the store. */
  archive: Pick<HistoryArchive, "read">;
  catalog: CatalogContext;
  lint: LintSources;
  schedules: Schedules;
  accounts: Accounts;
  auth: Authenticator;
  links: DecisionLinks;
  /** The stored channels. */
  channels: Channels;
  /** Asks a cluster whether it would take a Job. Rejects with RUNNER_REFUSED that says why not. */
  tryOut(request: StartRequest): Promise<unknown>;
  /** The stored clusters. */
  clusters: Clusters;
  checkCluster: CheckCluster;
  /** The limits of admins. */
  limits: Limits;
  /** Who sends messages: is woken when people change what it works on. */
  dispatcher: Pick<Dispatcher, "test" | "wake" | "openUntil" | "failing" | "kindOf">;
  /** Absent: there are no app channels, and every callback is refused. */
  callbacks?: CallbackParts;
  /** Language of pages for people whose browser wants none that there is. */
  language: Language;
  /** Rings for every committed event. */
  bell: EventBell;
  streams: EventStreams;
  terminals: TerminalSessions;
  /** Of the server. */
  version: string;
  state(): ServerState;
}
