// The channels that an admin has set up, kept in memory because every commit asks for them, and the code of each kind,
// which is loaded with its first message: the libraries of some are large. Secrets are sealed at rest and opened only to
// send.

import type { ChannelKind, ChannelSpec, SpecOf, Channel as StoredChannel } from "@mflow/core/schema/channel";
import { NamedSettings, type SettingsVault } from "../named-settings.ts";
import type { ChannelStore } from "../store/store.ts";
import type { Channel, HttpSender } from "./channel.ts";
import { channelProblems } from "./channel-problems.ts";
import { addressOf, mapSecrets } from "./channel-secrets.ts";

/** The kinds that can change a message that was sent, told without loading them. */
export const UPDATING_KINDS: ReadonlySet<ChannelKind> = new Set(["FEISHU_APP", "DINGTALK_APP", "SLACK_APP"]);
/** The kinds by which `IM` reaches people. */
export const APP_KINDS = UPDATING_KINDS;

const loaders: { [K in ChannelKind]: (http: HttpSender) => Promise<Channel<SpecOf<K>>> } = {
  WEBHOOK: async (http) => (await import("./webhook.ts")).createWebhookChannel(http),
  FEISHU: async (http) => (await import("./feishu.ts")).createFeishuRobot(http),
  DINGTALK: async (http) => (await import("./dingtalk.ts")).createDingtalkRobot(http),
  WECOM: async (http) => (await import("./wecom.ts")).createWecomRobot(http),
  SLACK: async (http) => (await import("./slack.ts")).createSlackRobot(http),
  FEISHU_APP: async (http) => (await import("./feishu-app.ts")).createFeishuApp(http),
  DINGTALK_APP: async (http) => (await import("./dingtalk-app.ts")).createDingtalkApp(http),
  SLACK_APP: async (http) => (await import("./slack-app.ts")).createSlackApp(http),
  MAIL: async () => (await import("./mail.ts")).createMailChannel(),
};

/** The implementations of channels, each loaded once. */
export class ChannelKinds {
  readonly #http: HttpSender;
  readonly #loaded = new Map<ChannelKind, Promise<Channel>>();

  constructor(http: HttpSender) {
    this.#http = http;
  }

  /** Whether a word names a kind. */
  has(word: string): word is ChannelKind {
    return Object.hasOwn(loaders, word);
  }

  get(kind: ChannelKind): Promise<Channel> {
    let loaded = this.#loaded.get(kind);
    if (!loaded) {
      const loading = loaders[kind](this.#http) as Promise<Channel>;
      // What could not be loaded is tried again with the next message.
      loading.catch(() => this.#loaded.delete(kind));
      this.#loaded.set(kind, loading);
      loaded = loading;
    }
    return loaded;
  }

  /** Ends idle connections. */
  async close(): Promise<void> {
    for (const loaded of this.#loaded.values()) await (await loaded).close?.();
    this.#loaded.clear();
  }
}

export interface ChannelsParts {
  store: ChannelStore;
  vault: SettingsVault;
  /** RFC 3339, UTC, milliseconds. */
  now(): string;
}

export class Channels {
  readonly #settings: NamedSettings<ChannelSpec>;
  #kinds: ReadonlyMap<string, ChannelKind> = new Map();

  /** Call `load` before anything else. */
  constructor(parts: ChannelsParts) {
    const problems = (given: ChannelSpec) => channelProblems(given);
    this.#settings = new NamedSettings(parts, { noun: "channel", mapSecrets, addressOf, problems });
  }

  async load(): Promise<void> {
    await this.#settings.load();
    this.#noteKinds();
  }

  /** Kinds by name, in order of names. */
  kinds(): ReadonlyMap<string, ChannelKind> {
    return this.#kinds;
  }

  /** The kind of a channel; undefined when there is none of this name. */
  kindOf(name: string): ChannelKind | undefined {
    return this.#kinds.get(name);
  }

  /** All, by name, secrets masked. */
  list(): StoredChannel[] {
    return this.#settings.list();
  }

  /** One, secrets masked. Throws NOT_FOUND. */
  get(name: string): StoredChannel {
    return this.#settings.get(name);
  }

  /** The settings with opened secrets, to send and to check callbacks; undefined when there is none of this name. */
  open(name: string): ChannelSpec | undefined {
    return this.#settings.open(name);
  }

  /**
   * Makes a channel, or replaces the settings of one; answers with secrets masked. `***` stands for the stored secret.
   * Throws INVALID_DOCUMENT that names what is wrong, STALE_REVISION when `expectedRevision` is given and is another
   * (0: it must not exist).
   */
  async put(name: string, spec: ChannelSpec, by: string, expectedRevision?: number): Promise<StoredChannel> {
    const channel = await this.#settings.put(name, spec, by, expectedRevision);
    this.#noteKinds();
    return channel;
  }

  /** Throws NOT_FOUND. */
  async remove(name: string): Promise<void> {
    await this.#settings.remove(name);
    this.#noteKinds();
  }

  #noteKinds(): void {
    this.#kinds = new Map([...this.#settings.stored.values()].map(({ name, spec }) => [name, spec.kind]));
  }
}
