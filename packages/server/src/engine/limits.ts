// The limits that admins set: kept in the store, and told to the engine at once.

import type { Limit, LimitSpec } from "@mflow/core/schema/limit";
import type { Scope } from "@mflow/core/schema/scalars";
import { NamedSettings, type SettingsParts } from "../named-settings.ts";

/** Domain and namespace of what is said of the whole server. */
const EVERYWHERE: Scope = { domain: "*", namespace: "*" };

export interface LimitsParts extends SettingsParts<LimitSpec> {
  /** A limit is another one now; undefined: there is none any more. */
  changed(name: string, maxTasks: number | undefined): void;
}

export class Limits extends NamedSettings<LimitSpec> {
  readonly #changed: LimitsParts["changed"];

  /** Call `load` before anything else. */
  constructor(parts: LimitsParts) {
    super(parts, {
      noun: "limit",
      mapSecrets: (spec) => spec,
      addressOf: () => "",
      problems: () => [],
      history: (name, spec, told) => [
        {
          type: spec ? "LIMIT_SET" : "LIMIT_TAKEN_AWAY",
          ...EVERYWHERE,
          name,
          ...(spec && { message: `${spec.maxTasks} ${spec.maxTasks === 1 ? "task" : "tasks"} at once` }),
          ...told,
        },
      ],
    });
    this.#changed = parts.changed;
  }

  override async put(name: string, spec: LimitSpec, by: string, expectedRevision?: number): Promise<Limit> {
    const limit = await super.put(name, spec, by, expectedRevision);
    this.#changed(name, limit.spec.maxTasks);
    return limit;
  }

  override async remove(name: string, by: string): Promise<void> {
    await super.remove(name, by);
    this.#changed(name, undefined);
  }
}
