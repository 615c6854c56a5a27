// Whether a request is signed as AWS Signature Version 4 wants it, worked out anew by a library that is not the one that
// signed it.

import type { IncomingMessage } from "node:http";
import { createRequire } from "node:module";

/** The part of aws4 that is used; it brings no types. */
interface Aws4 {
  sign(
    request: {
      service: string;
      region: string;
      method: string;
      path: string;
      headers: Record<string, string>;
    },
    keys: { accessKeyId: string; secretAccessKey: string },
  ): { headers: Record<string, string> };
}

const { sign } = createRequire(import.meta.url)("aws4") as Aws4;

/** How far the clock of a client may be off, as Amazon has it. */
const SKEW_MS = 15 * 60_000;
/** What a signature must cover. */
const COVERED = ["host", "x-amz-content-sha256", "x-amz-date"];

export interface SignatureRules {
  keys: { accessKeyId: string; secretAccessKey: string };
  region: string;
}

/** The code of the refusal that S3 would answer with; nothing when the request is signed rightly. */
export function signatureProblem(
  { method = "", url = "", headers }: IncomingMessage,
  { keys, region }: SignatureRules,
): string | undefined {
  const parts =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request, SignedHeaders=([^,]+), Signature=([0-9a-f]{64})$/.exec(
      headers.authorization ?? "",
    );
  if (!parts) return headers.authorization === undefined ? "AccessDenied" : "AuthorizationHeaderMalformed";
  const [, accessKeyId, day = "", signedRegion, names = ""] = parts;
  if (accessKeyId !== keys.accessKeyId) return "InvalidAccessKeyId";
  if (signedRegion !== region) return "AuthorizationHeaderMalformed";
  const date = String(headers["x-amz-date"]);
  const time = Date.parse(date.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, "$1-$2-$3T$4:$5:$6Z"));
  if (!(Math.abs(time - Date.now()) <= SKEW_MS) || !date.startsWith(day)) return "RequestTimeTooSkewed";
  const signed = names.split(";");
  // What S3 takes as its own must be covered, so that nobody on the way changes it.
  const own = Object.keys(headers).filter((name) => name.startsWith("x-amz-"));
  if (![...COVERED, ...own].every((name) => signed.includes(name))) return "AccessDenied";
  const covered = Object.fromEntries(signed.map((name) => [name, String(headers[name])]));
  const extraHeadersToInclude = Object.fromEntries(signed.map((name) => [name, true as const]));
  const request = { service: "s3", region, method, path: url, headers: covered, extraHeadersToInclude };
  const again = sign(request, keys);
  return again.headers.Authorization === headers.authorization ? undefined : "SignatureDoesNotMatch";
}
