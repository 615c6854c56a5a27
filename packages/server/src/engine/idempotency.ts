// What an Idempotency-Key means: the same request again is answered with what it made, and another one with the same key is
// refused.

import { digestOf } from "@mflow/core/digest";
import { MflowError } from "@mflow/core/errors";
import type { Scope } from "@mflow/core/schema/scalars";
import type { IdempotencyKey } from "../store/store.ts";
import type { Actor } from "./submit.ts";

/** The key of a request as it is kept: by verb, scope and who asks, so that nobody meets the keys of others. */
export function idempotencyOf(
  verb: string,
  request: unknown,
  scope: Scope,
  actor: Actor,
  key: string | undefined,
): IdempotencyKey | undefined {
  if (key === undefined) return undefined;
  return {
    key: `${verb}/${scope.domain}/${scope.namespace}/${actor.name}/${key}`,
    digest: digestOf(request),
  };
}

/** What the key made before. Throws IDEMPOTENCY_CONFLICT when that was another request. */
export function sameRequest(
  used: { digest: string; aggregateId: string },
  idempotency: IdempotencyKey | undefined,
): string {
  if (used.digest === idempotency?.digest) return used.aggregateId;
  throw new MflowError("IDEMPOTENCY_CONFLICT", "this Idempotency-Key was used for another request");
}

/** Somebody used the same Idempotency-Key in the same moment; theirs stands. */
export class IdempotencyRace extends Error {
  readonly aggregateId: string;
  readonly digest: string;

  constructor(aggregateId: string, digest: string) {
    super("the Idempotency-Key was used at the same moment");
    this.aggregateId = aggregateId;
    this.digest = digest;
  }
}
