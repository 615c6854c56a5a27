// When two specs mean the same: their plain forms are equal, and so are their secrets, whatever ciphertext they have.

import { canonicalJson } from "@mflow/core/digest";
import type { JobSpec } from "@mflow/core/schema/job";
import type { GivenPipelineSpec } from "@mflow/core/schema/pipeline";
import type { ScheduleSpec } from "@mflow/core/schema/schedule";
import type { Vault } from "./context.ts";
import { jobForm, pipelineForm, scheduleForm } from "./plain-form.ts";

/** Sealed texts replaced by what `open` makes of them. */
function opened(value: unknown, vault: Pick<Vault, "isSealed">, open: (sealed: string) => string): unknown {
  if (typeof value === "string") return vault.isSealed(value) ? open(value) : value;
  if (value === null || typeof value !== "object") return value;
  if (Array.isArray(value)) return value.map((member) => opened(member, vault, open));
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, opened(member, vault, open)]));
}

/** What `change` makes of the secrets in a form's sealed texts; one whose key is gone stays, and so is like no other. */
export function withSecrets(form: object, vault: Vault, change: (secret: string) => string): object {
  const open = (sealed: string) => {
    try {
      return change(vault.unseal(sealed));
    } catch {
      return change(sealed);
    }
  };
  return opened(form, vault, open) as object;
}

const asItIs = (secret: string) => secret;

/** Equal for job specs that mean the same. */
export function jobMeaning(spec: JobSpec, vault: Vault): string {
  return canonicalJson(withSecrets(jobForm(spec), vault, asItIs));
}

/** Equal for pipeline specs that mean the same. */
export function pipelineMeaning(spec: GivenPipelineSpec, vault: Vault): string {
  return canonicalJson(withSecrets(pipelineForm(spec), vault, asItIs));
}

/** Equal for schedule specs that mean the same. */
export function scheduleMeaning(spec: ScheduleSpec, vault: Vault): string {
  return canonicalJson(withSecrets(scheduleForm(spec), vault, asItIs));
}
