// Puts the parts of the listeners together: what main hands to the engine, to the API and to the metrics.

import type { Language } from "@mflow/core/schema/listener";
import type { Keys } from "../auth/keys.ts";
import type { LogStore } from "../logs/log-store.ts";
import type { Store } from "../store/store.ts";
import type { HttpSender, ListenerHub } from "./channel.ts";
import { ChannelKinds, Channels } from "./channels.ts";
import { createDecisionLinks, type DecisionLinks } from "./decision-links.ts";
import { Dispatcher } from "./dispatcher.ts";
import type { DispatcherTiming } from "./dispatcher-timing.ts";
import { createHttpSender } from "./http-sender.ts";
import { createHub } from "./hub.ts";
import { type PrepareParts, prepare } from "./prepare.ts";
import { recentDefinitions } from "./recent-definitions.ts";
import { prepareTest } from "./test-message.ts";

export interface ListenersOptions {
  store: Pick<Store, "runs" | "deliveries" | "channels">;
  logs: LogStore;
  keys: Keys;
  newId(prefix: string): string;
  /** Of the server; other services see it. */
  version: string;
  /** Targets that are not public and may be sent to all the same. */
  allowedTargets: readonly string[];
  language: Language;
  addressesOf: PrepareParts["addressesOf"];
  languageOf: PrepareParts["languageOf"];
  publicUrl(): string;
  log: { warn(message: string, error?: unknown): void };
  timing?: Partial<DispatcherTiming>;
}

export interface OpenListeners {
  hub: ListenerHub;
  channels: Channels;
  kinds: ChannelKinds;
  links: DecisionLinks;
  /** The one way out over HTTP. */
  http: HttpSender;
  dispatcher: Dispatcher;
  /** Stops sending and ends connections. */
  close(): Promise<void>;
}

/** Reads the channels; `dispatcher.start` begins to send. */
export async function openListeners(options: ListenersOptions): Promise<OpenListeners> {
  const { store, keys, newId, log } = options;
  const open = (text: string) => (keys.isSealed(text) ? keys.unseal(text) : text);
  const channels = new Channels({
    store: store.channels,
    vault: keys,
    now: () => new Date().toISOString(),
  });
  await channels.load();
  const http = createHttpSender({
    allowed: options.allowedTargets,
    userAgent: `mflow/${options.version}`,
  });
  const kinds = new ChannelKinds(http);
  const links = createDecisionLinks(keys, options.publicUrl);
  const definitionOf = recentDefinitions(store.runs);
  const parts = { ...options, deliveries: store.deliveries, channels, kinds, links, open, definitionOf };
  const dispatcher = new Dispatcher(
    {
      store: store.deliveries,
      channels,
      kinds,
      prepare: (delivery, now) => prepare(delivery, parts, now),
      prepareTest: (channel, to) => prepareTest(channel, to, parts),
      newId,
      log,
    },
    options.timing,
  );
  const hub = createHub({
    channels: () => channels.kinds(),
    addressesOf: options.addressesOf,
    open,
    newId,
    committed: (deliveries) => dispatcher.committed(deliveries),
  });
  return {
    hub,
    channels,
    kinds,
    links,
    http,
    dispatcher,
    async close() {
      await dispatcher.stop();
      await kinds.close();
      await http.close();
    },
  };
}
