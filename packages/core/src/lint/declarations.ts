// Rules on the params that a job declares.

import { checkParams, duplicateParams } from "../check-params.ts";
import { mergeParams, SYSTEM_PARAMS } from "../params.ts";
import { below } from "../pointer.ts";
import { quoted } from "../quoted.ts";
import type { RunParam } from "../schema/param.ts";
import { error, type Finding, warning } from "./finding.ts";

const systemNames: ReadonlySet<string> = new Set(SYSTEM_PARAMS);

/** Whether mflow itself gives the param to every task. */
export function isSystemParam(name: string): boolean {
  return systemNames.has(name);
}

/** What is wrong with the default of a param, whatever else is missing. */
function defaultProblem(param: RunParam): string | undefined {
  const declared = [{ ...param, required: false }];
  const { params } = mergeParams({ declared, levels: [], place: { taskName: "" } });
  return checkParams(declared, params)[0]?.message;
}

function* paramRules(param: RunParam, path: string): Generator<Finding> {
  const { name, valueType = "TEXT", usageType = "ENV" } = param;
  if (isSystemParam(name)) {
    yield error(`${path}/name`, `${quoted(name)} is set by mflow itself and cannot be declared; remove it`);
    return;
  }
  const options = param.enumOptions ?? [];
  if (valueType === "ENUM" && options.length === 0) {
    yield error(
      `${path}/valueType`,
      `the ENUM param ${quoted(name)} has no options; list them in \`enumOptions\``,
    );
    return;
  }
  if (valueType !== "ENUM" && options.length > 0) {
    const message = `the options of ${quoted(name)} count for ENUM params only; add \`valueType: ENUM\``;
    yield warning(`${path}/enumOptions`, message);
  }
  if (valueType === "HTTP_ENUM" && !param.httpEnumConfig) {
    yield warning(
      `${path}/valueType`,
      `${quoted(name)} says nowhere where its options come from; add \`httpEnumConfig\``,
    );
  }
  if (usageType === "ENV" && /^[a-z]/.test(name)) {
    const rule = "starts with a lower-case letter, so it does not become an environment variable";
    yield warning(`${path}/name`, `${quoted(name)} ${rule}; write it in upper case`);
  }
  const problem = defaultProblem(param);
  if (problem) yield error(`${path}/value`, `the default does not fit: ${problem}`);
}

/** A name is declared once and is not the system's; an ENUM has options; a default parses. */
export function* declarationRules(params: readonly RunParam[] | undefined, path: string): Generator<Finding> {
  if (!params) return;
  const duplicates = new Set(duplicateParams(params));
  const seen = new Set<string>();
  for (const [index, param] of params.entries()) {
    const paramPath = below(path, index);
    if (duplicates.has(param.name) && seen.has(param.name)) {
      yield error(`${paramPath}/name`, `param ${quoted(param.name)} is declared twice; remove one of them`);
    }
    seen.add(param.name);
    yield* paramRules(param, paramPath);
  }
}
