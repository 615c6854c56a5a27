// A terminal in a task, over a WebSocket.

import type { TerminalNotice } from "@mflow/core/schema/terminal";
import { TERMINAL_PROTOCOL } from "@mflow/core/schema/terminal-protocol";
import { ApiError, ConnectionError } from "./api-error.ts";
import { pause } from "./pause.ts";
import { path, type Transport } from "./transport.ts";

export interface TerminalOptions {
  /** Default: the first one. */
  container?: string;
  /** Program and arguments; default: a shell. */
  command?: string[];
  /** Size of the window, characters (default 80 by 24). */
  columns?: number;
  rows?: number;
  /** What the program prints, as it is: characters may be cut in two. */
  output(data: Uint8Array): void;
  /** Ends the session, also while it is being opened. */
  signal?: AbortSignal;
}

export interface TerminalEnd {
  /** Of the program; absent when the session ended otherwise. */
  exitCode?: number;
  /** Why, when it was not the program that ended. */
  reason?: string;
}

export interface TaskTerminal {
  readonly container: string;
  /** The work has ended: this is a copy of its pod, which goes with the session. */
  readonly isCopy: boolean;
  /** Types; resolves when there is room for more. */
  write(data: Uint8Array | string): Promise<void>;
  resize(columns: number, rows: number): void;
  /** Ends the session; `ended` follows. */
  close(): void;
  /** Rejects with `ConnectionError` when the connection broke: the server ends the session then. */
  readonly ended: Promise<TerminalEnd>;
}

/** Larger input is sent in parts, bytes: the server takes no larger messages. */
const PART_BYTES = 32 * 1024;
/** So much may wait to be sent, bytes. */
const MAX_WAITING = 1024 * 1024;
const LOOK_MS = 10;

/** Resolves once the program runs. Rejects with `ApiError` or `ConnectionError`. */
export async function openTerminal(
  transport: Transport,
  taskId: string,
  { container, command, columns, rows, output, signal }: TerminalOptions,
): Promise<TaskTerminal> {
  const call = {
    path: path`/job-tasks/${taskId}/terminal`,
    query: { container, command, columns, rows },
    signal,
  };
  const socket = await transport.webSocket(call, TERMINAL_PROTOCOL);
  const opened = Promise.withResolvers<Extract<TerminalNotice, { type: "opened" }>>();
  const ended = Promise.withResolvers<TerminalEnd>();
  // Who was refused does not wait for an end.
  ended.promise.catch(() => {});
  socket.onmessage = (event: MessageEvent) => {
    const data = event.data as string | ArrayBuffer;
    if (typeof data !== "string") output(new Uint8Array(data));
    else hear(JSON.parse(data) as TerminalNotice);
  };
  socket.onclose = () => {
    const lost = new ConnectionError(socket.url, "the connection to the terminal broke", undefined);
    opened.reject(lost);
    ended.reject(lost);
  };
  function hear(notice: TerminalNotice): void {
    if (notice.type === "opened") opened.resolve(notice);
    else if (notice.type === "refused") opened.reject(new ApiError(notice.status, notice.error));
    else {
      const { exitCode, reason } = notice;
      ended.resolve({ ...(exitCode !== undefined && { exitCode }), ...(reason !== undefined && { reason }) });
      opened.reject(new ConnectionError(socket.url, `the terminal did not open: ${reason}`, undefined));
    }
  }
  const tell = (command: object) => {
    if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(command));
  };
  const close = () => tell({ type: "close" });
  signal?.addEventListener("abort", close, { once: true });
  const { container: where, isCopy } = await opened.promise.catch((error: unknown) => {
    signal?.throwIfAborted();
    throw error;
  });
  return {
    container: where,
    isCopy,
    ended: ended.promise,
    close,
    resize: (width, height) => tell({ type: "resize", columns: width, rows: height }),
    async write(data) {
      const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
      for (let from = 0; from < bytes.length; from += PART_BYTES) {
        // A WebSocket does not say when it has sent what it was given.
        while (socket.bufferedAmount > MAX_WAITING && socket.readyState === WebSocket.OPEN)
          await pause(LOOK_MS);
        if (socket.readyState !== WebSocket.OPEN) return;
        socket.send(bytes.slice(from, from + PART_BYTES));
      }
    },
  };
}
