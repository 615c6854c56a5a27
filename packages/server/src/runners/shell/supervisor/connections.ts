// The supervisor's side of its socket. One server is served at a time: one that comes later takes over, for
// the one before has been killed, or will find out.

import type { Socket } from "node:net";
import {
  encodeMessage,
  type FromSupervisor,
  type KnownAttempt,
  MessageReader,
  PROTOCOL,
  type ToSupervisor,
} from "./protocol.ts";

type Request = Exclude<ToSupervisor, { type: "hello" }>;

/** What stands behind the socket. */
export interface Served {
  /** All that a server must hear first. */
  readonly known: KnownAttempt[];
  handle(request: Request): void;
}

export class Connections {
  #current: Socket | undefined;
  #waiting = "";
  #scheduled = false;

  /** Whether a server is connected. */
  get connected(): boolean {
    return this.#current !== undefined;
  }

  /** Greets a server once it has said hello and `opening` has come; hands on what it asks for. */
  accept(socket: Socket, opening: Promise<Served>): void {
    const reader = new MessageReader<ToSupervisor>();
    let served: Served | undefined;
    socket.on("error", () => {}); // Followed by `close`.
    socket.on("close", () => {
      if (this.#current === socket) this.#current = undefined;
    });
    socket.on("data", (bytes) => {
      try {
        for (const message of reader.push(bytes)) {
          if (message.type === "hello") {
            void opening.then((opened) => {
              served = opened;
              this.#greet(socket, message.version.major, opened);
            });
          } else if (this.#current === socket) served?.handle(message);
        }
      } catch (error) {
        // Who talks nonsense is not answered; our own work goes on.
        socket.destroy(error instanceof Error ? error : undefined);
      }
    });
  }

  /** Sends with all other messages of this moment; without a server they come to nothing. */
  send(message: FromSupervisor): void {
    if (!this.#current) return;
    this.#waiting += encodeMessage(message);
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => this.#flush());
  }

  /**
   * Nothing may come between looking at what is known and sending to this socket: what is said in between would be
   * in neither, and the server would never hear of it.
   */
  #greet(socket: Socket, major: number, served: Served): void {
    const hello = { type: "hello", version: PROTOCOL, pid: process.pid } as const;
    if (major !== PROTOCOL.major) {
      socket.end(encodeMessage({ ...hello, attempts: [] }));
      return;
    }
    // Gone while it waited: its end has been heard already.
    if (socket.destroyed) return;
    this.#flush();
    this.#current?.end(encodeMessage({ type: "replaced" }));
    this.#current = socket;
    socket.write(encodeMessage({ ...hello, attempts: served.known }));
  }

  #flush(): void {
    this.#scheduled = false;
    const text = this.#waiting;
    this.#waiting = "";
    if (text !== "") this.#current?.write(text);
  }
}
