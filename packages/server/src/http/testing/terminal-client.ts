// A client of terminals that keeps all that it is sent.

import type { ErrorBody } from "@mflow/core/schema/api";
import type { TerminalCommand, TerminalNotice } from "@mflow/core/schema/terminal";
import { TERMINAL_PROTOCOL } from "@mflow/core/schema/terminal-protocol";
import { WebSocket } from "ws";

export interface ConnectOptions {
  /** Bearer token; absent: none is sent. */
  token?: string;
  headers?: Record<string, string>;
  /** Default: the one that is spoken. */
  protocols?: string[];
}

export class TerminalClient {
  readonly socket: WebSocket;
  readonly notices: TerminalNotice[] = [];
  /** How the connection ended. */
  readonly closed: Promise<{ code: number; reason: string }>;
  readonly #chunks: Uint8Array[] = [];

  constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on("message", (data: Buffer, isBinary) => {
      if (isBinary) this.#chunks.push(data);
      else this.notices.push(JSON.parse(data.toString("utf8")));
    });
    this.closed = new Promise((resolve) => {
      socket.on("close", (code, reason) => resolve({ code, reason: reason.toString("utf8") }));
    });
  }

  get printed(): string {
    return Buffer.concat(this.#chunks).toString("utf8");
  }

  type(data: string | Uint8Array): void {
    this.socket.send(Buffer.from(data));
  }

  command(command: TerminalCommand): void {
    this.socket.send(JSON.stringify(command));
  }
}

/** Opens a terminal; rejects with status and body when the server answers otherwise. */
export function connectTerminal(url: string, options: ConnectOptions = {}): Promise<TerminalClient> {
  const { token, headers = {}, protocols = [TERMINAL_PROTOCOL] } = options;
  const socket = new WebSocket(url.replace(/^http/, "ws"), protocols, {
    headers: { ...(token !== undefined && { authorization: `Bearer ${token}` }), ...headers },
  });
  const client = new TerminalClient(socket);
  return new Promise((resolve, reject) => {
    socket.on("open", () => resolve(client));
    socket.on("error", reject);
    socket.on("unexpected-response", (_request, response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () => {
        const text = Buffer.concat(chunks).toString("utf8");
        reject(new NoTerminal(response.statusCode ?? 0, JSON.parse(text || "{}")));
      });
    });
  });
}

/** The server answered with something else than a WebSocket. */
export class NoTerminal extends Error {
  readonly status: number;
  readonly body: Partial<ErrorBody>;

  constructor(status: number, body: Partial<ErrorBody>) {
    super(`status ${status}: ${body.message}`);
    this.status = status;
    this.body = body;
  }
}
