// The channels that an admin has set up, kept in memory because every commit asks for them, and the code of each kind,
// which is loaded with its first message: the libraries of some are large. Secrets are sealed at rest and opened only to
// send.

import { type ErrorDetail, MflowError } from "@mflow/core/errors";
import { MASK } from "@mflow/core/mask";
import type { ChannelKind, ChannelSpec, SpecOf, Channel as StoredChannel } from "@mflow/core/schema/channel";
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

/** How secrets are kept. */
export interface ChannelVault {
  seal(plain: string): string;
  unseal(sealed: string): string;
  isSealed(text: string): boolean;
}

export interface ChannelsParts {
  store: ChannelStore;
  vault: ChannelVault;
  /** RFC 3339, UTC, milliseconds. */
  now(): string;
}

export class Channels {
  readonly #parts: ChannelsParts;
  #channels = new Map<string, StoredChannel>();
  #kinds: ReadonlyMap<string, ChannelKind> = new Map();

  /** Call `load` before anything else. */
  constructor(parts: ChannelsParts) {
    this.#parts = parts;
  }

  async load(): Promise<void> {
    const channels = await this.#parts.store.list();
    this.#channels = new Map(channels.map((channel) => [channel.name, channel]));
    this.#kinds = new Map(channels.map(({ name, spec }) => [name, spec.kind]));
  }

  /** Kinds by name, in order of names. */
  kinds(): ReadonlyMap<string, ChannelKind> {
    return this.#kinds;
  }

  /** The kind of a channel; undefined when there is none of this name. */
  kindOf(name: string): ChannelKind | undefined {
    return this.#channels.get(name)?.spec.kind;
  }

  /** All, by name, secrets masked. */
  list(): StoredChannel[] {
    return [...this.#channels.values()].map(masked);
  }

  /** One, secrets masked. Throws NOT_FOUND. */
  get(name: string): StoredChannel {
    return masked(this.#stored(name));
  }

  /** The settings with opened secrets, to send and to check callbacks; undefined when there is none of this name. */
  open(name: string): ChannelSpec | undefined {
    const { vault } = this.#parts;
    const spec = this.#channels.get(name)?.spec;
    return spec && mapSecrets(spec, (text) => (vault.isSealed(text) ? vault.unseal(text) : text));
  }

  /**
   * Makes a channel, or replaces the settings of one; answers with secrets masked. `***` stands for the stored secret.
   * Throws INVALID_DOCUMENT that names what is wrong, STALE_REVISION when `expectedRevision` is given and is another
   * (0: it must not exist).
   */
  async put(name: string, spec: ChannelSpec, by: string, expectedRevision?: number): Promise<StoredChannel> {
    const before = this.#channels.get(name);
    const sealed = this.#sealed(spec, before?.spec);
    const now = this.#parts.now();
    const revision = expectedRevision ?? before?.revision ?? 0;
    const channel: StoredChannel = {
      name,
      spec: sealed,
      createdBy: before?.createdBy ?? by,
      createdAt: before?.createdAt ?? now,
      updatedAt: now,
      revision: revision + 1,
    };
    await this.#parts.store.put(channel, revision);
    await this.load();
    return this.get(name);
  }

  /** Throws NOT_FOUND. */
  async remove(name: string): Promise<void> {
    this.#stored(name);
    await this.#parts.store.remove(name);
    await this.load();
  }

  #stored(name: string): StoredChannel {
    const channel = this.#channels.get(name);
    if (channel) return channel;
    const names = [...this.#channels.keys()];
    const there = names.length > 0 ? `there are ${names.join(", ")}` : "there is none yet";
    throw new MflowError("NOT_FOUND", `there is no channel \`${name}\`; ${there}`);
  }

  #sealed(spec: ChannelSpec, before: ChannelSpec | undefined): ChannelSpec {
    const { vault } = this.#parts;
    const problems: ErrorDetail[] = [];
    const stored = new Map<string, string>();
    if (before?.kind === spec.kind) {
      mapSecrets(before, (text, path) => {
        stored.set(path, text);
        return text;
      });
    }
    const isElsewhere = before !== undefined && addressOf(before) !== addressOf(spec);
    const restore = (path: string): string => {
      const known = stored.get(path);
      if (known !== undefined && !isElsewhere) return known;
      // Whoever may change the address must not have the secrets of the old one sent to it.
      const why = known === undefined ? "there is none" : "the channel goes to another address now";
      const message = `\`${MASK}\` stands for the stored value, but ${why}; give the value itself`;
      problems.push({ path, message });
      return MASK;
    };
    const sealed = mapSecrets(spec, (text, path) => {
      if (text === MASK) return restore(path);
      if (vault.isSealed(text))
        problems.push({ path, message: "a sealed text cannot be given; give the value itself" });
      return vault.seal(text);
    });
    problems.push(...channelProblems(spec));
    if (problems.length === 0) return sealed;
    const message = problems.map(({ path, message }) => `${path}: ${message}`).join("; ");
    throw new MflowError("INVALID_DOCUMENT", message, problems);
  }
}

function masked(channel: StoredChannel): StoredChannel {
  return { ...channel, spec: mapSecrets(channel.spec, () => MASK) };
}
