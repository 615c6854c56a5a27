// Reads a stream of server-sent events for tests, one event at a time.

export interface ReadEvent {
  id?: string;
  event?: string;
  data?: string;
}

export interface SseReader {
  status: number;
  contentType: string | null;
  /** The next event; nothing once the stream has ended. Comments are left out. */
  next(): Promise<ReadEvent | undefined>;
  /** Events up to and with the first that fits. */
  until(isIt: (event: ReadEvent) => boolean): Promise<ReadEvent[]>;
  /** All events until the stream ends. */
  rest(): Promise<ReadEvent[]>;
  close(): void;
}

function parseBlock(block: string): ReadEvent | undefined {
  const event: ReadEvent = {};
  for (const line of block.split("\n")) {
    const [, field, value] = /^(id|event|data): (.*)$/.exec(line) ?? [];
    if (field) event[field as keyof ReadEvent] = value;
  }
  return Object.keys(event).length > 0 ? event : undefined;
}

export async function readSse(url: string, token: string, lastEventId?: string): Promise<SseReader> {
  const gone = new AbortController();
  const response = await fetch(url, {
    headers: {
      authorization: `Bearer ${token}`,
      ...(lastEventId !== undefined && { "last-event-id": lastEventId }),
    },
    signal: gone.signal,
  });
  async function* blocks(): AsyncGenerator<ReadEvent> {
    let text = "";
    for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      text += chunk;
      const parts = text.split("\n\n");
      text = parts.pop() ?? "";
      for (const part of parts) {
        const event = parseBlock(part);
        if (event) yield event;
      }
    }
  }
  const events = blocks();
  const next = async () => {
    const { value, done } = await events.next();
    return done ? undefined : value;
  };
  async function until(isIt: (event: ReadEvent) => boolean): Promise<ReadEvent[]> {
    const seen: ReadEvent[] = [];
    for (let event = await next(); event; event = await next()) {
      seen.push(event);
      if (isIt(event)) break;
    }
    return seen;
  }
  return {
    status: response.status,
    contentType: response.headers.get("content-type"),
    next,
    until,
    rest: () => until(() => false),
    close: () => gone.abort(),
  };
}
