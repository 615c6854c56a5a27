// Settings that an admin keeps under a name, such as channels and clusters: in memory, because they are asked for all the
// time, and in the store. Secrets among them are sealed at rest, masked in answers, and `***` that comes back stands for
// the stored one.

import { isDeepStrictEqual } from "node:util";
import { type ErrorDetail, MflowError } from "@mflow/core/errors";
import { MASK } from "@mflow/core/mask";
import { markSecret } from "@mflow/core/record-diff";
import type { HistoryEvent, NewHistoryEvent } from "@mflow/core/schema/event";
import type { NamedStore } from "./store/store.ts";

/** How secrets are kept. */
export interface SettingsVault {
  seal(plain: string): string;
  unseal(sealed: string): string;
  isSealed(text: string): boolean;
}

export interface NamedRecord<Spec> {
  name: string;
  spec: Spec;
  createdBy: string;
  createdAt: string;
  updatedAt: string;
  revision: number;
}

export interface SettingsParts<Spec> {
  store: NamedStore<NamedRecord<Spec>>;
  vault: SettingsVault;
  /** RFC 3339, UTC, milliseconds. */
  now(): string;
  /** Hears of every event that was written. */
  tell?(events: HistoryEvent[]): void;
  /** The settings of this name are others now, or gone. */
  changed?(name: string): void;
}

/** What is particular to one sort of settings. */
export interface SettingsSort<Spec> {
  /** What one is, for people: `channel`. */
  noun: string;
  /** The settings with each secret replaced; `path` is its JSON pointer, e.g. `/spec/token`. */
  mapSecrets(spec: Spec, replace: (text: string, path: string) => string): Spec;
  /** Where secrets are sent to: they do not go along to another one. */
  addressOf(spec: Spec): string;
  /** What is wrong beyond the schema. `whole` has stored secrets where `given` has `***`. */
  problems(given: Spec, whole: Spec): ErrorDetail[] | Promise<ErrorDetail[]>;
  /** What the history says of a change, if anything; without settings they were taken away. */
  history?(name: string, spec: Spec | undefined, told: { at: string; actor: string }): NewHistoryEvent[];
}

/** Settings that may be stored. */
export interface PlannedSettings<Spec> {
  /** What is stored under the name. */
  before?: NamedRecord<Spec>;
  /** Whether that says the same. */
  isSame: boolean;
  /** Both with their secrets marked, to be compared by `changesBetween`. */
  forms: { before?: Spec; after: Spec };
  /** What is to be written; whoever writes it says so by `written`. */
  record: NamedRecord<Spec>;
  expectedRevision: number;
  history: NewHistoryEvent[];
}

export class NamedSettings<Spec> {
  readonly #parts: SettingsParts<Spec>;
  readonly #sort: SettingsSort<Spec>;
  #records = new Map<string, NamedRecord<Spec>>();

  /** Call `load` before anything else. */
  constructor(parts: SettingsParts<Spec>, sort: SettingsSort<Spec>) {
    this.#parts = parts;
    this.#sort = sort;
  }

  async load(): Promise<void> {
    this.#hold(await this.#parts.store.list());
  }

  #hold(records: readonly NamedRecord<Spec>[]): void {
    this.#records = new Map(records.map((record) => [record.name, record]));
  }

  /** All as they are stored, by name. */
  get stored(): ReadonlyMap<string, NamedRecord<Spec>> {
    return this.#records;
  }

  /** All, by name, secrets masked. */
  list(): NamedRecord<Spec>[] {
    return [...this.#records.values()].map((record) => this.#masked(record));
  }

  /** One, secrets masked. Throws NOT_FOUND that names those there are. */
  get(name: string): NamedRecord<Spec> {
    return this.#masked(this.#known(name));
  }

  /** The settings with opened secrets; undefined when there are none of this name. */
  open(name: string): Spec | undefined {
    const spec = this.#records.get(name)?.spec;
    return spec && this.#opened(spec);
  }

  /**
   * What `put` would store, now. `***` stands for the stored secret. Rejects with INVALID_DOCUMENT that names all that is
   * wrong.
   */
  async plan(
    name: string,
    spec: Spec,
    by: string,
    expectedRevision?: number,
  ): Promise<PlannedSettings<Spec>> {
    const before = this.#records.get(name);
    const problems: ErrorDetail[] = [];
    const whole = this.#restored(spec, before?.spec, problems);
    problems.push(...(await this.#sort.problems(spec, whole)));
    if (problems.length > 0) {
      const message = problems.map(({ path, message }) => `${path}: ${message}`).join("; ");
      throw new MflowError("INVALID_DOCUMENT", message, problems);
    }
    const isSame = before !== undefined && this.#isSame(before.spec, whole);
    const marked = (settings: Spec) => this.#sort.mapSecrets(settings, markSecret);
    const forms = { after: marked(whole), ...(before && { before: marked(this.#openable(before.spec)) }) };
    const { vault, now } = this.#parts;
    const at = now();
    const revision = expectedRevision ?? before?.revision ?? 0;
    const record: NamedRecord<Spec> = {
      name,
      spec: this.#sort.mapSecrets(whole, (text) => vault.seal(text)),
      createdBy: before?.createdBy ?? by,
      createdAt: before?.createdAt ?? at,
      updatedAt: at,
      revision: revision + 1,
    };
    const history = this.#sort.history?.(name, spec, { at, actor: by }) ?? [];
    return { ...(before && { before }), isSame, forms, record, expectedRevision: revision, history };
  }

  /** A record that was planned is stored. */
  written(record: NamedRecord<Spec>): void {
    const records = [...this.#records.values()].filter(({ name }) => name !== record.name);
    this.#hold([...records, record].sort((a, b) => (a.name < b.name ? -1 : 1)));
    this.#parts.changed?.(record.name);
  }

  /**
   * Makes a record, or replaces its settings; answers with secrets masked. `***` stands for the stored secret.
   * Throws INVALID_DOCUMENT that names what is wrong, STALE_REVISION or NAME_TAKEN when `expectedRevision` is given and
   * is another (0: it must not exist).
   */
  async put(name: string, spec: Spec, by: string, expectedRevision?: number): Promise<NamedRecord<Spec>> {
    const planned = await this.plan(name, spec, by, expectedRevision);
    const { store, tell } = this.#parts;
    const events = await store.put(planned.record, planned.expectedRevision, planned.history);
    this.written(planned.record);
    tell?.(events);
    return this.get(name);
  }

  /** Throws NOT_FOUND. */
  async remove(name: string, by = "mflow"): Promise<void> {
    this.#known(name);
    const { store, now, tell, changed } = this.#parts;
    const events = await store.remove(name, this.#sort.history?.(name, undefined, { at: now(), actor: by }));
    this.#hold([...this.#records.values()].filter((record) => record.name !== name));
    changed?.(name);
    tell?.(events);
  }

  #known(name: string): NamedRecord<Spec> {
    const record = this.#records.get(name);
    if (record) return record;
    const names = [...this.#records.keys()];
    const there = names.length > 0 ? `there are ${names.join(", ")}` : "there is none yet";
    throw new MflowError("NOT_FOUND", `there is no ${this.#sort.noun} \`${name}\`; ${there}`);
  }

  #masked(record: NamedRecord<Spec>): NamedRecord<Spec> {
    return { ...record, spec: this.#sort.mapSecrets(record.spec, () => MASK) };
  }

  #opened(spec: Spec): Spec {
    const { vault } = this.#parts;
    return this.#sort.mapSecrets(spec, (text) => (vault.isSealed(text) ? vault.unseal(text) : text));
  }

  /** With opened secrets, but for those whose key is gone. */
  #openable(spec: Spec): Spec {
    try {
      return this.#opened(spec);
    } catch {
      return spec;
    }
  }

  /** What cannot be opened any more, because its key is gone, is replaced by whatever is given. */
  #isSame(stored: Spec, whole: Spec): boolean {
    try {
      return isDeepStrictEqual(this.#opened(stored), whole);
    } catch {
      return false;
    }
  }

  /** The settings with the stored secret for each `***`. */
  #restored(spec: Spec, before: Spec | undefined, problems: ErrorDetail[]): Spec {
    const { vault } = this.#parts;
    const { noun, mapSecrets, addressOf } = this.#sort;
    const stored = new Map<string, string>();
    if (before !== undefined) {
      mapSecrets(before, (text, path) => {
        stored.set(path, text);
        return text;
      });
    }
    const isElsewhere = before !== undefined && addressOf(before) !== addressOf(spec);
    return mapSecrets(spec, (text, path) => {
      if (text !== MASK) {
        if (vault.isSealed(text))
          problems.push({ path, message: "a sealed text cannot be given; give the value itself" });
        return text;
      }
      const known = stored.get(path);
      if (known !== undefined && !isElsewhere) return vault.isSealed(known) ? vault.unseal(known) : known;
      // Whoever may change the address must not have the secrets of the old one sent to it.
      const why = known === undefined ? "there is none" : `the ${noun} goes to another address now`;
      const message = `\`${MASK}\` stands for the stored value, but ${why}; give the value itself`;
      problems.push({ path, message });
      return MASK;
    });
  }
}
