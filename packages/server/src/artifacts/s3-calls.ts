// Calls of an S3-compatible store: tried again where that may help, and refused by errors of the catalogue.

import { MflowError } from "@mflow/core/errors";
import { S3ServiceError } from "s3mini";
import type { S3Place } from "./s3-url.ts";

const TRIES = 3;
/** What the service answers while it has too much to do, also with status 200, as the end of a long upload. */
const BUSY = ["InternalError", "ServiceUnavailable", "SlowDown", "RequestTimeout"];

/** An answer of 200 that says in its body that it failed. */
export class S3BodyError extends Error {
  readonly code: string;

  constructor(code: string) {
    super(`S3 returned 200 – ${code}`);
    this.code = code;
  }
}

/** Whether the store says that the object, not the bucket, is not there. */
export function isMissing(error: unknown): boolean {
  const refused = serviceError(error);
  return refused?.status === 404 && codeOf(refused) !== "NoSuchBucket";
}

/** Whether the store does not know such a call. */
export function isUnsupported(error: unknown): boolean {
  const status = serviceError(error)?.status;
  return status === 501 || status === 405;
}

/**
 * Calls again when that may help; `tries` counts from 1. The second try comes after `backoffMs`. Rejects with UNAVAILABLE, naming the place: the service is away,
 * has too much to do, or refuses because keys or bucket are set up wrongly. An error that `isMissing` or `isUnsupported`
 * comes as it is.
 */
export async function tried<T>(
  call: (tries: number) => Promise<T>,
  place: S3Place,
  backoffMs: number,
): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await call(tries);
    } catch (error) {
      if (isMissing(error) || isUnsupported(error)) throw error;
      if (!mayHelp(error) || tries === TRIES) throw unavailable(error, place);
      await new Promise((wake) => setTimeout(wake, backoffMs * 4 ** (tries - 1)));
    }
  }
}

/** The error of the catalogue for what a call of the store met. */
export function unavailable(error: unknown, { bucket, endpoint }: S3Place): MflowError {
  const message = error instanceof Error ? error.message : String(error);
  const { cause } = error as { cause?: unknown };
  // What `fetch` throws says no more than that it failed.
  const reason = cause instanceof Error && cause.message !== "" ? `${message}: ${cause.message}` : message;
  return new MflowError("UNAVAILABLE", `the store of artifacts, bucket ${bucket} at ${endpoint}: ${reason}`);
}

function mayHelp(error: unknown): boolean {
  if (error instanceof S3BodyError) return BUSY.includes(error.code);
  const refused = serviceError(error);
  if (!refused) return true;
  return refused.status >= 500 || refused.status === 429 || BUSY.includes(codeOf(refused) ?? "");
}

function serviceError(error: unknown): S3ServiceError | undefined {
  if (error instanceof S3ServiceError) return error;
  const { cause } = error as { cause?: unknown };
  return cause === undefined ? undefined : serviceError(cause);
}

/** The client reads the code of some content types alone. */
function codeOf({ code, body }: S3ServiceError): string | undefined {
  return code !== undefined && code !== "Unknown" ? code : /<Code>([^<]*)<\/Code>/.exec(body ?? "")?.[1];
}
