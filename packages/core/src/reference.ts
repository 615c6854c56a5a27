// References to jobs and pipelines by name or id, and who may refer to a job (semantics, section 1).

import { MflowError } from "./errors.ts";
import { quoted } from "./quoted.ts";
import type { Visibility } from "./schema/job.ts";
import { NAME_PATTERN, type Scope } from "./schema/scalars.ts";

export const LATEST = "latest";

export interface IdRef {
  id: string;
}

export interface PipelineNameRef extends Scope {
  name: string;
}

export interface JobNameRef extends PipelineNameRef {
  /** A version, `latest` for the one that was PUBLISHED last, or a range (`isVersionRange`). */
  version: string;
}

export type JobRef = IdRef | JobNameRef;
export type PipelineRef = IdRef | PipelineNameRef;

const namePattern = new RegExp(NAME_PATTERN);
const versionPattern = /^[A-Za-z0-9][A-Za-z0-9._+-]*$/;
const rangeLetters = /^[A-Za-z0-9 ._+^~<>=|*-]+$/;
const wildcardVersion = /^v?\d+(\.\d+)?(\.[xX]){1,2}$/;
const idPattern = /^[a-z]+-[0-9a-z-]+$/;
const pipelineIdPattern = /^pipeline-[0-9a-z]{26}$/;
const MAX_NAME_LENGTH = 63;
const MAX_RANGE_LENGTH = 128;

function refuse(text: string, what: string, form: string): never {
  throw new MflowError("BAD_REQUEST", `${quoted(text)} is not a reference: ${what}; write ${form}`);
}

function checkName(text: string, part: string, name: string, form: string): void {
  if (name === "") refuse(text, `the ${part} is empty`, form);
  if (name.length > MAX_NAME_LENGTH) {
    refuse(text, `the ${part} is longer than ${MAX_NAME_LENGTH} characters`, form);
  }
  if (!namePattern.test(name)) {
    const rule = "lower-case letters, digits, `_` and `-`, starting with a letter or digit";
    refuse(text, `the ${part} ${quoted(name)} is not made of ${rule}`, form);
  }
}

function parseId(text: string, form: string): IdRef {
  const id = text.slice(1);
  if (!idPattern.test(id)) refuse(text, "`#` is not followed by an id", form);
  return { id };
}

/** Reads `name[@namespace[.domain]]`; what is left out comes from the caller's scope. */
function parseName(text: string, whole: string, callerScope: Scope, form: string): PipelineNameRef {
  const at = text.indexOf("@");
  const name = at < 0 ? text : text.slice(0, at);
  checkName(whole, "name", name, form);
  if (at < 0) return { name, namespace: callerScope.namespace, domain: callerScope.domain };
  const place = text.slice(at + 1);
  const dot = place.indexOf(".");
  const namespace = dot < 0 ? place : place.slice(0, dot);
  const domain = dot < 0 ? callerScope.domain : place.slice(dot + 1);
  checkName(whole, "namespace", namespace, form);
  checkName(whole, "domain", domain, form);
  return { name, namespace, domain };
}

/** Whether the version of a reference stands for a range, such as `^1.2`, `1.x` or `>=1.2 <2`: no version looks so. */
export function isVersionRange(version: string): boolean {
  return /[\^~<>=|*\s]/.test(version) || wildcardVersion.test(version);
}

const JOB_FORM = "`name[@namespace[.domain]][:version]` or `#id`";
const PIPELINE_FORM = "`name[@namespace[.domain]]` or `#id`";

function checkVersion(text: string, version: string): void {
  if (version === "") refuse(text, "the version after `:` is empty", JOB_FORM);
  const isRange = isVersionRange(version);
  const [what, most] = isRange ? ["range", MAX_RANGE_LENGTH] : ["version", MAX_NAME_LENGTH];
  if (version.length > most) refuse(text, `the ${what} is longer than ${most} characters`, JOB_FORM);
  if (isRange ? rangeLetters.test(version) : versionPattern.test(version)) return;
  const rule = isRange
    ? "versions, `^`, `~`, `<`, `>`, `=`, `||`, `-`, `x` and `*`"
    : "letters, digits, `.`, `_`, `+` and `-`, starting with a letter or digit";
  refuse(text, `the ${what} ${quoted(version)} is not made of ${rule}`, JOB_FORM);
}

/**
 * Reads `#id` or `name[@namespace[.domain]][:version]`; the version defaults to `latest`, the scope to the caller's.
 * The version may be a range, which is read where it is resolved.
 * Throws BAD_REQUEST that names the part that is wrong.
 */
export function parseJobRef(text: string, callerScope: Scope): JobRef {
  if (text.startsWith("#")) return parseId(text, JOB_FORM);
  const colon = text.indexOf(":");
  const named = parseName(colon < 0 ? text : text.slice(0, colon), text, callerScope, JOB_FORM);
  if (colon < 0) return { ...named, version: LATEST };
  const version = text.slice(colon + 1);
  checkVersion(text, version);
  return { ...named, version };
}

/**
 * Reads `#id`, an id `pipeline-...`, or `name[@namespace[.domain]]`.
 * Throws BAD_REQUEST that names the part that is wrong.
 */
export function parsePipelineRef(text: string, callerScope: Scope): PipelineRef {
  if (text.startsWith("#")) return parseId(text, PIPELINE_FORM);
  if (pipelineIdPattern.test(text)) return { id: text };
  if (text.includes(":")) refuse(text, "pipelines have no versions", PIPELINE_FORM);
  return parseName(text, text, callerScope, PIPELINE_FORM);
}

/** Whether a reference, as `parsePipelineRef` reads it, is to this pipeline. */
export function isRefTo(ref: PipelineRef, pipeline: Scope & { id: string; name: string }): boolean {
  if ("id" in ref) return ref.id === pipeline.id;
  const { name, domain, namespace } = pipeline;
  return ref.name === name && ref.domain === domain && ref.namespace === namespace;
}

/** The one full form of a reference to a job, the same for everything that refers to the same job. */
export function formatJobRef(ref: JobRef): string {
  return "id" in ref ? `#${ref.id}` : `${ref.name}@${ref.namespace}.${ref.domain}:${ref.version}`;
}

/** The one full form of a reference to a pipeline. */
export function formatPipelineRef(ref: PipelineRef): string {
  return "id" in ref ? `#${ref.id}` : `${ref.name}@${ref.namespace}.${ref.domain}`;
}

/** Whether a job of `jobScope` with this visibility (default `NAMESPACE`) can be referred to from `callerScope`. */
export function mayRefer(visibility: Visibility | undefined, jobScope: Scope, callerScope: Scope): boolean {
  if (visibility === "GLOBAL") return true;
  if (jobScope.domain !== callerScope.domain) return false;
  return visibility === "DOMAIN" || jobScope.namespace === callerScope.namespace;
}
