// One attempt to send, within its time, and what is recorded of it: never a secret, never more than a page.

import { createMasker, type Masker } from "@mflow/core/mask";
import type { DeliveryAttempt } from "@mflow/core/schema/delivery";
import { type Exchange, SendError, type Sent } from "./channel.ts";
import type { Prepared } from "./prepare.ts";
import { untilAborted } from "./until-aborted.ts";

/** How an attempt went. `ABORTED`: the server stops; nothing is known. */
export type AttemptResult =
  | { state: "DELIVERED"; receipt?: Record<string, string> }
  | { state: "DEAD"; error: string }
  | { state: "RETRY" | "LIMITED"; error: string; retryAfterMs?: number }
  | { state: "ABORTED" };

export interface Tried {
  result: AttemptResult;
  attempt: Omit<DeliveryAttempt, "number">;
}

/** What is kept of an answer, bytes. */
const RESPONSE_LIMIT = 4096;
const ERROR_LIMIT = 1024;

export interface AttemptOptions {
  timeoutMs: number;
  /** Gives up early. */
  stop: AbortSignal;
  /** Receipts of cards that an earlier attempt has updated; those that this one updates are added. */
  updated?: Set<string>;
}

/** Sends once. Never rejects: whatever goes wrong is the result. */
export async function trySending(
  prepared: Prepared,
  { timeoutMs, stop, updated = new Set() }: AttemptOptions,
): Promise<Tried> {
  const { channel, outgoing, updates, secrets } = prepared;
  const now = Date.now();
  const start = performance.now();
  const mask = createMasker(secrets);
  const { signal, isLate, end } = timeFor(timeoutMs, stop);
  const at = new Date(now).toISOString();
  const tell = (result: AttemptResult, exchange: Exchange = {}): Tried => ({
    result,
    attempt: {
      at,
      durationMs: Math.round(performance.now() - start),
      ...recorded(exchange, mask),
      ...("error" in result && { error: result.error }),
    },
  });
  try {
    const send = (update?: Record<string, string>) =>
      channel.send({ ...outgoing, signal, now, ...(update && { update }) });
    const sending = updates ? updateEach(updates, { send, signal, updated }) : send();
    const { receipt, ...exchange } = await untilAborted<Sent>(sending, signal);
    return tell({ state: "DELIVERED", ...(receipt && { receipt }) }, exchange);
  } catch (error) {
    if (stop.aborted) return tell({ state: "ABORTED" });
    if (isLate()) {
      const exchange = error instanceof SendError ? error.exchange : {};
      return tell({ state: "RETRY", error: `no answer within ${timeoutMs / 1000} s` }, exchange);
    }
    const text = cut(mask(error instanceof Error ? error.message : String(error)), ERROR_LIMIT);
    if (!(error instanceof SendError)) return tell({ state: "RETRY", error: text });
    const { kind, exchange, retryAfterMs } = error;
    if (kind === "DEAD") return tell({ state: "DEAD", error: text }, exchange);
    return tell({ state: kind, error: text, ...(retryAfterMs !== undefined && { retryAfterMs }) }, exchange);
  } finally {
    end();
  }
}

/**
 * Updates the cards one by one, but for those that were updated before. Answers with the last exchange; when one can
 * never be updated the others are all the same, and then it rejects with why.
 */
async function updateEach(
  updates: Record<string, string>[],
  parts: { send(update: Record<string, string>): Promise<Sent>; signal: AbortSignal; updated: Set<string> },
): Promise<Exchange> {
  const { send, signal, updated } = parts;
  let exchange: Exchange = {};
  let dead: SendError | undefined;
  for (const update of updates) {
    const key = JSON.stringify(update);
    if (updated.has(key)) continue;
    signal.throwIfAborted();
    try {
      const { receipt: _receipt, ...rest } = await send(update);
      exchange = rest;
      updated.add(key);
    } catch (error) {
      if (!(error instanceof SendError) || error.kind !== "DEAD") throw error;
      dead ??= error;
    }
  }
  if (dead) throw dead;
  return exchange;
}

/** A signal that ends with the attempt's time, or with the server; nothing of it is left when it is ended. */
function timeFor(ms: number, stop: AbortSignal) {
  const controller = new AbortController();
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    controller.abort();
  }, ms);
  const give = () => controller.abort();
  if (stop.aborted) give();
  stop.addEventListener("abort", give, { once: true });
  return {
    signal: controller.signal,
    isLate: () => isLate,
    end() {
      clearTimeout(timer);
      stop.removeEventListener("abort", give);
    },
  };
}

function recorded({ requestDigest, status, response }: Exchange, mask: Masker): Exchange {
  return {
    ...(requestDigest !== undefined && { requestDigest }),
    ...(status !== undefined && { status }),
    ...(response !== undefined && response !== "" && { response: cut(mask(response), RESPONSE_LIMIT) }),
  };
}

/** At most so many bytes of UTF-8, no character cut in half. */
function cut(text: string, bytes: number): string {
  const buffer = Buffer.from(text);
  if (buffer.length <= bytes) return text;
  let end = bytes;
  while (((buffer[end] ?? 0) & 0xc0) === 0x80) end--;
  return buffer.subarray(0, end).toString("utf8");
}
