// The limits that admins set: kept in the store, and told to the engine at once.

import type { LimitSpec } from "@mflow/core/schema/limit";
import type { Scope } from "@mflow/core/schema/scalars";
import { NamedSettings, type SettingsParts } from "../named-settings.ts";

/** Domain and namespace of what is said of the whole server. */
const EVERYWHERE: Scope = { domain: "*", namespace: "*" };

export interface LimitsParts extends Omit<SettingsParts<LimitSpec>, "changed"> {
  /** A limit is another one now; undefined: there is none any more. */
  changed(name: string, maxTasks: number | undefined): void;
}

export class Limits extends NamedSettings<LimitSpec> {
  /** Call `load` before anything else. */
  constructor({ changed, ...parts }: LimitsParts) {
    const told = (name: string) => changed(name, this.stored.get(name)?.spec.maxTasks);
    super(
      { ...parts, changed: told },
      {
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
      },
    );
  }
}
