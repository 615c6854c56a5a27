// A real HTTP server that plays the other side: answers as it is told, and keeps what it got.

import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface Received {
  method: string;
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
}

/** Answers a request; the default is 200 with `{}`. A number is a status; a pair a status and a body. */
export type Behaviour = (
  request: Received,
  response: ServerResponse,
) => number | [number, unknown] | undefined | Promise<number | [number, unknown] | undefined>;

export class Receiver {
  readonly received: Received[] = [];
  behaviour: Behaviour = () => [200, {}];
  readonly #server: Server;
  readonly #waiting = new Set<() => void>();

  private constructor() {
    this.#server = createServer((request, response) => {
      let body = "";
      request.setEncoding("utf8");
      request.on("data", (chunk) => {
        body += chunk;
      });
      request.on("end", async () => {
        const got = { method: request.method ?? "", path: request.url ?? "", headers: request.headers, body };
        this.received.push(got);
        for (const wake of this.#waiting) wake();
        const answer = await this.behaviour(got, response);
        // Without an answer the behaviour deals with the response itself: slowly, or by hanging up.
        if (answer === undefined) return;
        const [status, value] = typeof answer === "number" ? [answer, ""] : answer;
        response.writeHead(status, { "content-type": "application/json" });
        response.end(typeof value === "string" ? value : JSON.stringify(value));
      });
    });
  }

  /** Listens on a free port of loopback, or on the given one. */
  static async open(port = 0): Promise<Receiver> {
    const receiver = new Receiver();
    await new Promise<void>((resolve, reject) => {
      receiver.#server.once("error", reject);
      receiver.#server.listen(port, "127.0.0.1", resolve);
    });
    return receiver;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  url(path = "/hook"): string {
    return `http://127.0.0.1:${this.port}${path}`;
  }

  /** Resolves when at least so many requests have come; rejects after the deadline, milliseconds. */
  async has(count: number, deadlineMs = 20_000): Promise<Received[]> {
    const deadline = performance.now() + deadlineMs;
    while (this.received.length < count) {
      const left = deadline - performance.now();
      if (left <= 0) throw new Error(`${this.received.length} of ${count} requests came`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(done, left);
        const { received } = this;
        const waiting = this.#waiting;
        function done() {
          clearTimeout(timer);
          waiting.delete(done);
          resolve();
        }
        waiting.add(done);
        if (received.length >= count) done();
      });
    }
    return this.received;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
