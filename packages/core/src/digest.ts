// The digest that a decision is bound to: job version, rendered spec, params without system ones, and for a
// confirm the reported result. Sensitive values go in as HMACs, so that a digest tells nothing about them.

import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";
import type { JobSnapshot } from "./schema/job.ts";
import type { Reported } from "./schema/job-task.ts";
import type { EffectiveParam } from "./schema/param.ts";

/** JSON with sorted keys, the same for equal values. */
export function canonicalJson(value: unknown): string {
  if (value === null || typeof value !== "object") return JSON.stringify(value) ?? "null";
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  const entries = Object.entries(value).filter(([, member]) => member !== undefined);
  entries.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return `{${entries.map(([key, member]) => `${JSON.stringify(key)}:${canonicalJson(member)}`).join(",")}}`;
}

/** SHA-256 of a value's canonical JSON, lower-case hex. */
export function digestOf(value: unknown): string {
  return bytesToHex(sha256(utf8ToBytes(canonicalJson(value))));
}

export interface DigestContent {
  job: JobSnapshot;
  /** Rendered with sensitive values replaced by their HMACs. */
  spec: Record<string, unknown>;
  /** Sensitive values replaced by their HMACs. */
  params: readonly EffectiveParam[];
  result?: {
    reported: Reported;
    runtimeEnvs?: Record<string, string>;
    markdownOutput?: string;
  };
}

/** What a decision was about, as one text: equal for equal content, and no secret can be read from it. */
export function contentDigest(content: DigestContent): string {
  const { job } = content;
  return digestOf({
    job: `${job.name}@${job.namespace}.${job.domain}:${job.version}`,
    spec: content.spec,
    params: content.params.map(({ name, value, usageType }) => ({ name, value, usageType })),
    result: content.result,
  });
}
