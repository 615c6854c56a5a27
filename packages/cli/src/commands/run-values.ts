// What people write after `-p`, `--label` and `--add-auditor`, as the API takes it.

import type { AddedAuditor } from "@mflow/core/schema/gate";
import type { ParamScope, ParamValue } from "@mflow/core/schema/param";
import { UsageError } from "../usage-error.ts";

/** A prefix `stage/task:`; before the first `=`, so that values may hold colons. */
const SCOPED = /^([^:=]*):(.*)$/s;

const PARAM_FORM = "Write it as `-p NAME=VALUE`, for one stage or task `-p stage/task:NAME=VALUE`.";

/** `[stage/task:]NAME=VALUE`; without `=VALUE` the value is that of the environment variable. */
export function parseParam(text: string, env: Readonly<Record<string, string | undefined>>): ParamValue {
  const equals = text.indexOf("=");
  const head = equals < 0 ? text : text.slice(0, equals);
  const { scope, rest: name } = splitScope(head);
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
    throw new UsageError(`\`-p ${head}\` names no param: \`${name}\` is not a name`, PARAM_FORM);
  }
  const value = equals < 0 ? env[name] : text.slice(equals + 1);
  if (value === undefined) {
    throw new UsageError(`\`-p ${head}\` has no value, and the environment has no ${name}`, PARAM_FORM);
  }
  return { name, value, ...(scope && { scope }) };
}

/** `[stage/task:]name`, where the name may be that of an `@group`. */
export function parseAuditor(text: string): AddedAuditor {
  const { scope, rest: name } = splitScope(text);
  if (!/^@?[a-z0-9][a-z0-9._-]*$/.test(name)) {
    throw new UsageError(`\`--add-auditor ${text}\` names nobody`, "Write a user, or `@group`.");
  }
  return { name, ...(scope && { scope }) };
}

/** `key=value` pairs as a map. */
export function parseLabels(texts: readonly string[] = []): Record<string, string> {
  return Object.fromEntries(
    texts.map((text) => {
      const equals = text.indexOf("=");
      if (equals < 1)
        throw new UsageError(`\`--label ${text}\` is no label`, "Write it as `--label key=value`.");
      return [text.slice(0, equals), text.slice(equals + 1)];
    }),
  );
}

/** `stage/task:`, `stage:`, `/task:` or `stage/:`; names, or numbers from 1; `*` stands for all. */
function splitScope(text: string): { scope?: ParamScope; rest: string } {
  const [, prefix, rest] = SCOPED.exec(text) ?? [];
  if (prefix === undefined || rest === undefined) return { rest: text };
  const [stage = "", task = "", ...more] = prefix.split("/");
  if (more.length > 0) {
    throw new UsageError(
      `\`${prefix}\` is not a stage and a task`,
      "Write it as `stage/task`, `stage` or `/task`.",
    );
  }
  const scope = { ...named("stage", stage), ...named("task", task) };
  return { scope: Object.keys(scope).length > 0 ? scope : "*", rest };
}

function named(key: "stage" | "task", text: string): Record<string, string | number> {
  if (text === "" || text === "*") return {};
  return { [key]: /^[1-9]\d{0,5}$/.test(text) ? Number(text) : text };
}
