// The server's side of the supervisor's socket: finds or starts the supervisor, greets it, and says when the
// connection comes and goes.

import { connect, type Socket } from "node:net";
import {
  encodeMessage,
  type FromSupervisor,
  type KnownAttempt,
  MessageReader,
  PROTOCOL,
  type ToSupervisor,
} from "./supervisor/protocol.ts";
import { findSupervisor } from "./supervisor/supervisor-record.ts";
import { type SupervisorStart, startSupervisor } from "./supervisor-process.ts";

/** How long it is tried to reach a supervisor that is said to run, milliseconds. */
const REACH_MS = 15_000;
/** A supervisor that takes up many attempts of a killed one takes its time to greet. */
const GREET_MS = 60_000;

export interface LinkEvents {
  /** Connected; these attempts it knows. */
  up(attempts: KnownAttempt[]): void;
  message(message: FromSupervisor): void;
  /** The connection is gone, and was not closed by us. */
  down(): void;
}

export class SupervisorLink {
  readonly #start: SupervisorStart;
  readonly #events: LinkEvents;
  #socket: Socket | undefined;
  #connecting: Promise<void> | undefined;
  #waiting = "";
  #closed = false;
  #minor = 0;

  constructor(start: SupervisorStart, events: LinkEvents) {
    this.#start = start;
    this.#events = events;
  }

  /** Minor version of the protocol that the supervisor speaks. */
  get minor(): number {
    return this.#minor;
  }

  get isUp(): boolean {
    return this.#socket !== undefined;
  }

  /** Connects unless it is; starts the supervisor unless it runs. `up` was called when it resolves. */
  connect(): Promise<void> {
    if (this.#socket) return Promise.resolve();
    this.#connecting ??= this.#reach().finally(() => {
      this.#connecting = undefined;
    });
    return this.#connecting;
  }

  /** Sends with all other messages of this moment. Without a connection it comes to nothing. */
  send(message: ToSupervisor): void {
    if (!this.#socket) return;
    if (this.#waiting === "") process.nextTick(() => this.#flush());
    this.#waiting += encodeMessage(message);
  }

  close(): void {
    this.#closed = true;
    this.#flush();
    this.#socket?.end();
    this.#socket = undefined;
  }

  async #reach(): Promise<void> {
    const deadline = performance.now() + REACH_MS;
    for (;;) {
      if (this.#closed) throw new Error("the runner is closed");
      const record = findSupervisor(this.#start.dataDir);
      if (!record) {
        await startSupervisor(this.#start);
        if (performance.now() < deadline) continue;
        throw new Error("the supervisor ends as soon as it is started; see supervisor/supervisor.log");
      }
      try {
        return await this.#greet(record.socket);
      } catch (error) {
        if (error instanceof VersionError || performance.now() > deadline) throw error;
        // It is about to end, or it was just killed.
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
  }

  #greet(path: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const socket = connect(path);
      const reader = new MessageReader<FromSupervisor>();
      const timer = setTimeout(() => {
        socket.destroy(new Error(`the supervisor does not answer on ${path}`));
      }, GREET_MS);
      socket.once("connect", () => socket.write(encodeMessage({ type: "hello", version: PROTOCOL })));
      socket.on("error", reject);
      socket.on("close", () => {
        clearTimeout(timer);
        reject(new Error("the supervisor closed the connection"));
        if (this.#socket === socket) this.#lost();
      });
      socket.on("data", (bytes) => {
        try {
          for (const message of reader.push(bytes)) {
            if (this.#socket === socket) {
              this.#events.message(message);
            } else if (!socket.destroyed) {
              clearTimeout(timer);
              this.#welcome(socket, message);
              resolve();
            }
          }
        } catch (error) {
          socket.destroy(error instanceof Error ? error : new Error(String(error)));
        }
      });
    });
  }

  /** Throws when it is not a supervisor that we understand. */
  #welcome(socket: Socket, hello: FromSupervisor): void {
    if (this.#closed) throw new Error("the runner is closed");
    if (hello.type !== "hello") throw new Error("the supervisor does not greet");
    if (hello.version.major !== PROTOCOL.major) throw new VersionError(hello);
    this.#minor = hello.version.minor;
    this.#socket = socket;
    this.#events.up(hello.attempts);
  }

  #lost(): void {
    this.#socket = undefined;
    this.#waiting = "";
    if (!this.#closed) this.#events.down();
  }

  #flush(): void {
    const text = this.#waiting;
    this.#waiting = "";
    if (text !== "") this.#socket?.write(text);
  }
}

class VersionError extends Error {
  constructor({ version, pid }: Extract<FromSupervisor, { type: "hello" }>) {
    super(
      `the running supervisor (process ${pid}) speaks version ${version.major} of the protocol, this server ` +
        `version ${PROTOCOL.major}: start the server it belongs to until its tasks have ended, then this one`,
    );
  }
}
