// Turns answers and events into JSON without a sensitive value in it: whatever route an answer comes from,
// sealed texts and the values of sensitive params leave as `***`.

import { MASK } from "@mflow/core/mask";

const SEALED = "sealed:v1:";

/** A sealed value inside a longer text too. */
const sealedText = /sealed:v1:[A-Za-z0-9+/=_.:-]*/g;

function maskSecrets(value: unknown): unknown {
  if (typeof value === "string") return value.includes(SEALED) ? value.replace(sealedText, MASK) : value;
  if (value === null || typeof value !== "object") return value;
  if (Array.isArray(value)) return value.map(maskSecrets);
  const masked: Record<string, unknown> = {};
  for (const [key, member] of Object.entries(value)) masked[key] = maskSecrets(member);
  if (masked.sensitive === true && masked.value !== undefined && masked.value !== "") masked.value = MASK;
  return masked;
}

/** JSON of a value with every sensitive value masked. Most values have none, and cost one search. */
export function serialise(value: unknown): string {
  const json = JSON.stringify(value);
  if (!json.includes('"sensitive":true') && !json.includes(SEALED)) return json;
  return JSON.stringify(maskSecrets(value));
}
