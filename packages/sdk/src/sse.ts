// Server-sent events of one response, as an async iterator.

import { createParser } from "eventsource-parser";

/** A block of the stream. One with an id and no data only says where the stream is. */
export interface ServerSentEvent {
  id?: string;
  event?: string;
  data?: string;
}

/** No byte came for so long that the connection must be dead. */
class SilentStreamError extends Error {
  override readonly name = "SilentStreamError";
}

/** No single event of mflow comes near this; more is no event stream. */
const MAX_EVENT_CHARACTERS = 4 * 1024 * 1024;

/**
 * The events of a body until it ends. Leaving the loop closes the connection.
 * Rejects when the connection breaks, and when nothing (not even a comment) came for `silenceMs` milliseconds.
 */
export async function* serverSentEvents(
  body: ReadableStream<Uint8Array>,
  silenceMs: number,
): AsyncGenerator<ServerSentEvent, void> {
  const ready: ServerSentEvent[] = [];
  let blockId: string | undefined;
  const flushId = () => {
    if (blockId !== undefined) ready.push({ id: blockId });
    blockId = undefined;
  };
  const parser = createParser({
    maxBufferSize: MAX_EVENT_CHARACTERS,
    onId: (id) => {
      flushId();
      blockId = id;
    },
    onEvent: (event) => {
      // `onId` of the same block came before.
      blockId = undefined;
      ready.push(event);
    },
  });
  const decoder = new TextDecoder();
  const reader = body.getReader();
  try {
    while (true) {
      const chunk = await within(silenceMs, reader.read());
      if (chunk.done) return;
      parser.feed(decoder.decode(chunk.value, { stream: true }));
      flushId();
      yield* ready.splice(0);
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const silent = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new SilentStreamError(`nothing came for ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([work, silent]);
  } finally {
    clearTimeout(timer);
  }
}
