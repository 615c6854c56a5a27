// The supervisor's side of its socket. One server is served at a time: one that comes later takes over, for
// the one before has been killed, or will find out.

import type { Socket } from "node:net";
import {
  encodeMessage,
  type FromSupervisor,
  MessageReader,
  PROTOCOL,
  type ToSupervisor,
} from "./protocol.ts";

type Request = Exclude<ToSupervisor, { type: "hello" }>;

export class Connections {
  #current: Socket | undefined;
  #waiting = "";
  #scheduled = false;

  /** Whether a server is connected. */
  get connected(): boolean {
    return this.#current !== undefined;
  }

  /** Greets a server once it has said hello; `known` answers what it must hear first. */
  accept(socket: Socket, known: () => Promise<FromSupervisor>, handle: (request: Request) => void): void {
    const reader = new MessageReader<ToSupervisor>();
    socket.on("error", () => {}); // Followed by `close`.
    socket.on("close", () => {
      if (this.#current === socket) this.#current = undefined;
    });
    socket.on("data", (bytes) => {
      try {
        for (const message of reader.push(bytes)) {
          if (message.type === "hello") void this.#greet(socket, message.version.major, known);
          else if (this.#current === socket) handle(message);
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

  async #greet(socket: Socket, major: number, known: () => Promise<FromSupervisor>): Promise<void> {
    const hello = await known();
    if (major !== PROTOCOL.major) {
      socket.end(encodeMessage(hello));
      return;
    }
    this.#flush();
    this.#current?.end(encodeMessage({ type: "replaced" }));
    this.#current = socket;
    socket.write(encodeMessage(hello));
  }

  #flush(): void {
    this.#scheduled = false;
    const text = this.#waiting;
    this.#waiting = "";
    if (text !== "") this.#current?.write(text);
  }
}
