// A real HTTP server on loopback whose answers a test writes: for breaks that the mflow server does not make on demand.

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface ScriptedServer {
  url: string;
  /** `METHOD /path?query` of each request, in order. */
  requests: string[];
  /** Headers of each request, in order. */
  headers: IncomingMessage["headers"][];
  close(): Promise<void>;
}

export type Answer = (request: IncomingMessage, response: ServerResponse, body: string) => void;

/** The n-th request gets the n-th answer; the last answer serves all that follow. */
export async function scriptedServer(...answers: [Answer, ...Answer[]]): Promise<ScriptedServer> {
  const requests: string[] = [];
  const headers: IncomingMessage["headers"][] = [];
  const server = createServer(async (request, response) => {
    let body = "";
    request.setEncoding("utf8");
    for await (const chunk of request) body += chunk;
    const answer = answers[Math.min(requests.length, answers.length - 1)];
    requests.push(`${request.method} ${request.url}`);
    headers.push(request.headers);
    answer?.(request, response, body);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    headers,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Answers with JSON. */
export function json(status: number, body: unknown): Answer {
  return (_request, response) => {
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
  };
}

/** Breaks the connection without an answer. */
export const hangUp: Answer = (request) => {
  request.socket.destroy();
};

/** Answers with an event stream, as these chunks; then ends it, breaks it off, or leaves it open. */
export function stream(chunks: string[], then: "end" | "break" | "open"): Answer {
  return (_request, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write(": begin\n\n");
    const rest = [...chunks];
    const next = () => {
      const chunk = rest.shift();
      if (chunk !== undefined) response.write(chunk, () => setImmediate(next));
      else if (then === "end") response.end();
      else if (then === "break") response.socket?.destroy();
    };
    next();
  };
}
