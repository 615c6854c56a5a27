// One terminal over a WebSocket: bytes both ways as fast as the slower side takes them, and what ends it when its program
// does not: the person, nothing happening, a right that is gone, a connection that is dead, the end of the server.

import { performance } from "node:perf_hooks";
import { formatDuration } from "@mflow/core/duration";
import type { ErrorBody } from "@mflow/core/schema/api";
import { TerminalCommand, type TerminalNotice } from "@mflow/core/schema/terminal";
import { validateValue } from "@mflow/core/validate";
import type { WebSocket } from "ws";
import type { Terminal, TerminalRequest } from "../engine/submit.ts";

export interface TerminalTiming {
  /** Without input and output for so long it ends, milliseconds. */
  idleMs: number;
  /** How often the client is asked whether it is there, and whether it still may, milliseconds. */
  pingMs: number;
  /** How long a session that ends may take to say so, milliseconds. */
  farewellMs: number;
}

export interface TerminalSessionParts {
  socket: WebSocket;
  timing: TerminalTiming;
  request: Pick<TerminalRequest, "container" | "command" | "columns" | "rows">;
  open(request: TerminalRequest): Promise<Terminal>;
  /** Whether the person's token still serves and their role still allows it. */
  isAllowed(): Promise<boolean>;
  /** What a refusal looks like to the client. */
  refusalOf(error: unknown): { status: number; error: ErrorBody };
}

/** So much of what was typed may wait for the program, bytes. */
const MAX_TYPED = 256 * 1024;
/** So many pings may stay unanswered. */
const MAX_MISSED = 4;

/** Codes of RFC 6455. */
const NORMAL = 1000;
const POLICY = 1008;

export class TerminalSession {
  /** Resolves when program and connection are gone. */
  readonly over: Promise<void>;
  readonly #parts: TerminalSessionParts;
  readonly #leaving = new AbortController();
  readonly #opened = Promise.withResolvers<void>();
  readonly #gone = Promise.withResolvers<void>();
  #terminal: Terminal | undefined;
  #size: { columns: number; rows: number } | undefined;
  #endReason: string | undefined;
  #typed = Promise.resolve();
  #typedBytes = 0;
  #lastActivity = performance.now();
  #missedPings = 0;
  #idle: NodeJS.Timeout;
  readonly #pings: NodeJS.Timeout;
  #farewell: NodeJS.Timeout | undefined;

  constructor(parts: TerminalSessionParts) {
    this.#parts = parts;
    const { socket, timing } = parts;
    socket.on("message", (data: Buffer, isBinary) => {
      this.#missedPings = 0;
      if (isBinary) this.#type(data);
      else this.#obey(data.toString("utf8"));
    });
    socket.on("pong", () => {
      this.#missedPings = 0;
    });
    socket.on("error", () => {});
    socket.on("close", () => {
      this.end("the client left");
      this.#gone.resolve();
    });
    this.#idle = setTimeout(() => this.#checkIdle(), timing.idleMs);
    this.#pings = setInterval(() => this.#ping(), timing.pingMs);
    this.over = this.#run().finally(() => {
      clearTimeout(this.#idle);
      clearInterval(this.#pings);
      clearTimeout(this.#farewell);
    });
  }

  /** Ends the session for a reason that client and history are told. */
  end(reason: string): void {
    if (this.#endReason !== undefined) return;
    this.#endReason = reason;
    this.#leaving.abort();
    this.#terminal?.close(reason);
    this.#farewell ??= setTimeout(() => this.#parts.socket.terminate(), this.#parts.timing.farewellMs);
  }

  async #run(): Promise<void> {
    const { socket, open, request, refusalOf } = this.#parts;
    let last: TerminalNotice;
    try {
      const output = (data: Uint8Array) => this.#print(data);
      const terminal = await open({ ...request, output, signal: this.#leaving.signal });
      this.#terminal = terminal;
      if (this.#endReason !== undefined) terminal.close(this.#endReason);
      this.#tell({ type: "opened", container: terminal.container, isCopy: terminal.isCopy });
      if (this.#size) terminal.resize(this.#size.columns, this.#size.rows);
      this.#opened.resolve();
      const { exitCode, reason } = await terminal.ended;
      last = { type: "ended", ...(exitCode === undefined ? { reason } : { exitCode }) };
    } catch (error) {
      last =
        this.#endReason === undefined
          ? { type: "refused", ...refusalOf(error) }
          : { type: "ended", reason: this.#endReason };
    }
    this.#opened.resolve();
    this.#tell(last);
    socket.close(NORMAL);
    // What is typed no more matters, but the answer to the farewell comes behind it.
    socket.resume();
    this.#farewell ??= setTimeout(() => socket.terminate(), this.#parts.timing.farewellMs);
    await this.#gone.promise;
  }

  #tell(notice: TerminalNotice): void {
    this.#parts.socket.send(JSON.stringify(notice));
  }

  /** Resolves when the client's connection has taken it; a client that is gone takes all. */
  async #print(data: Uint8Array): Promise<void> {
    await this.#opened.promise;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#parts.socket.send(data, { binary: true }, () => resolve());
    await promise;
    this.#lastActivity = performance.now();
  }

  #type(data: Buffer): void {
    const { socket } = this.#parts;
    this.#lastActivity = performance.now();
    this.#typedBytes += data.length;
    if (this.#typedBytes > MAX_TYPED) socket.pause();
    this.#typed = this.#typed.then(async () => {
      await this.#opened.promise;
      await this.#terminal?.write(data);
      this.#typedBytes -= data.length;
      if (socket.isPaused && this.#typedBytes <= MAX_TYPED) socket.resume();
    });
  }

  #obey(text: string): void {
    const command = commandOf(text);
    if (command === undefined) {
      const rule = 'a text message must be {"type":"resize","columns":80,"rows":24} or {"type":"close"}';
      this.#parts.socket.close(POLICY, rule);
      this.end(`the client sent what makes no sense: ${rule}`);
    } else if (command.type === "close") {
      this.end("the client closed it");
    } else {
      this.#size = command;
      this.#terminal?.resize(command.columns, command.rows);
    }
  }

  #checkIdle(): void {
    const { idleMs } = this.#parts.timing;
    const rest = this.#lastActivity + idleMs - performance.now();
    if (rest > 0) this.#idle = setTimeout(() => this.#checkIdle(), Math.ceil(rest));
    else this.end(`nothing was typed or printed for ${formatDuration(idleMs)}`);
  }

  #ping(): void {
    const { socket, isAllowed } = this.#parts;
    // Behind what waits for the program an answer is not seen.
    if (!socket.isPaused && ++this.#missedPings > MAX_MISSED) {
      this.end("the client does not answer");
      socket.terminate();
      return;
    }
    socket.ping();
    isAllowed().then(
      (stillAllowed) => stillAllowed || this.end("the token or the role that allowed it is gone"),
      () => this.end("it could not be seen whether it is still allowed"),
    );
  }
}

function commandOf(text: string): TerminalCommand | undefined {
  try {
    const command: unknown = JSON.parse(text);
    return validateValue(TerminalCommand, command).length === 0 ? (command as TerminalCommand) : undefined;
  } catch {
    return undefined;
  }
}
