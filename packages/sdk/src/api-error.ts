// The two ways in which a call fails: the server refused it, or no server answered.

import type { ErrorBody, ErrorDetailBody } from "@mflow/core/schema/api";

/** The server's refusal. Programs decide by `code`, people read `message` and `remedy`. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly code: string;
  /** HTTP status. */
  readonly status: number;
  readonly remedy: string;
  readonly details: ErrorDetailBody[];
  /** Names the request in the server's log; empty when something else than mflow answered. */
  readonly requestId: string;

  constructor(status: number, body: ErrorBody) {
    super(body.message);
    this.code = body.code;
    this.status = status;
    this.remedy = body.remedy;
    this.details = body.details;
    this.requestId = body.requestId;
  }
}

/** No answer: nothing listens there, or the connection broke. Whether the call had an effect is unknown. */
export class ConnectionError extends Error {
  override readonly name = "ConnectionError";
  /** The server's address. */
  readonly url: string;
  /** The system's code, e.g. `ECONNREFUSED`, when there is one. */
  readonly code: string | undefined;

  constructor(url: string, message: string, cause: unknown) {
    const code = systemCode(cause);
    super(code ? `${message}: ${code}` : message, { cause });
    this.url = url;
    this.code = code;
  }
}

function systemCode(error: unknown): string | undefined {
  for (let at = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth++) {
    if ("code" in at && typeof at.code === "string") return at.code;
  }
  return undefined;
}

function isErrorBody(body: unknown): body is ErrorBody {
  return typeof body === "object" && body !== null && "code" in body && "message" in body;
}

/** Why a server is not ready. */
function problemOf(body: unknown): ErrorBody | undefined {
  if (typeof body !== "object" || body === null || !("problem" in body)) return undefined;
  return isErrorBody(body.problem) ? body.problem : undefined;
}

/** The error that a response with a status of 400 and above stands for. */
export async function errorOf(response: Response, url: string): Promise<ApiError> {
  const text = await response.text().catch(() => "");
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    body = undefined;
  }
  const told = isErrorBody(body) ? body : problemOf(body);
  if (told) {
    return new ApiError(response.status, {
      code: told.code,
      message: told.message,
      remedy: told.remedy ?? "",
      details: told.details ?? [],
      requestId: told.requestId ?? "",
    });
  }
  return notAnswerOfMflow(response.status, url);
}

/** Something else answered: a proxy, or another program. */
export function notAnswerOfMflow(status: number, url: string): ApiError {
  return new ApiError(status, {
    code: `HTTP_${status}`,
    message: `${url} answered ${status} and not as mflow does`,
    remedy: "Check that the URL is that of an mflow server, and what stands between.",
    details: [],
    requestId: "",
  });
}
