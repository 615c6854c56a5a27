// Rules on `${NAME}` in runner specs: where it may stand and whether anything replaces it.

import { below } from "../pointer.ts";
import { quoted } from "../quoted.ts";
import { templateReferences } from "../render.ts";
import type { JobSpec } from "../schema/job.ts";
import { error, type Finding, warning } from "./finding.ts";

const SHELL_PROGRAM = /^(?:.*\/)?(?:sh|bash|dash|ash|zsh|ksh)$/;
/** `-c`, also together with others as in `-ec`. */
const COMMAND_FLAG = /^-[a-z]*c$/;

/** Pointers of texts in lists that a shell reads as a script: the argument after `sh -c`. */
function* scriptArguments(node: unknown, pointer: string): Generator<string> {
  if (typeof node !== "object" || node === null) return;
  let shell = false;
  let command = false;
  for (const [key, child] of Object.entries(node)) {
    const childPointer = below(pointer, key);
    if (Array.isArray(node) && typeof child === "string") {
      if (command) yield childPointer;
      command = shell && COMMAND_FLAG.test(child);
      // Flags such as `-e` may stand between the program and `-c`.
      shell = SHELL_PROGRAM.test(child) || (shell && child.startsWith("-"));
    } else yield* scriptArguments(child, childPointer);
  }
}

function scriptsOf(spec: JobSpec): Set<string> {
  const scripts = new Set(scriptArguments(spec.runnerSpec, ""));
  const { steps } = spec.runnerSpec;
  if (spec.runnerType === "SHELL" && Array.isArray(steps)) {
    for (const index of steps.keys()) scripts.add(`/steps/${index}/run`);
  }
  return scripts;
}

/** A template stands in values, not in keys and better not in scripts, and something replaces it. */
export function* templateRules(spec: JobSpec, specPath: string, paramsPath: string): Generator<Finding> {
  const declared = new Map((spec.runParams ?? []).map((param) => [param.name, param.usageType ?? "ENV"]));
  const scripts = scriptsOf(spec);
  const used = new Set<string>();
  for (const { name, pointer, inKey } of templateReferences(spec.runnerSpec)) {
    const path = specPath + pointer;
    const reference = `\`\${${name}}\``;
    const usage = declared.get(name);
    used.add(name);
    if (inKey) {
      yield {
        ...error(path, `${reference} stands in a key, where nothing is replaced; write the key out`),
        atKey: true,
      };
    } else if (scripts.has(pointer)) {
      // Any other name is a variable of the shell.
      if (usage === "TEMPLATE") {
        const danger = "becomes part of the script, so a value can change what it does";
        yield warning(
          path,
          `${reference} ${danger}; declare ${quoted(name)} with \`usageType: ENV\` instead`,
        );
      }
    } else if (usage === undefined) {
      const remedy = `declare ${quoted(name)} with \`usageType: TEMPLATE\`, or write \`$\${${name}}\``;
      yield warning(path, `nothing replaces ${reference}: no such param is declared; ${remedy}`);
    } else if (usage !== "TEMPLATE") {
      const remedy = "declare it with `usageType: TEMPLATE`";
      yield warning(
        path,
        `nothing replaces ${reference}: ${quoted(name)} is declared as ${usage}; ${remedy}`,
      );
    }
  }
  for (const [index, { name }] of (spec.runParams ?? []).entries()) {
    if (declared.get(name) !== "TEMPLATE" || used.has(name)) continue;
    yield warning(
      `${below(paramsPath, index)}/name`,
      `the runner spec holds no \`\${${name}}\`, so this TEMPLATE param has no effect; use or remove it`,
    );
  }
}
