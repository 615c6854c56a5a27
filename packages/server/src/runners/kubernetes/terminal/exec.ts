// A program that is started in a container by `exec`, over one WebSocket: bytes in and out, the size of its terminal, and
// how it ended. Nothing is buffered here beyond what is on its way: each direction waits for the slower side.

import type { ClusterClient } from "../api/cluster-client.ts";
import { type ExecEnd, execEnd } from "./exec-status.ts";

/** The first byte of a message (`v4.channel.k8s.io`). */
const STDIN = 0;
const STDOUT = 1;
const STDERR = 2;
const STATUS = 3;
const RESIZE = 4;

const KEEP_ALIVE_MS = 30_000;

/** A container of a pod. */
export interface ExecPlace {
  namespace: string;
  pod: string;
  container: string;
}

export interface ExecOptions {
  command: string[];
  /** With a terminal, into which keys can be typed; without: output alone. */
  isTerminal: boolean;
  /** No more comes before the answer has resolved. Does not reject. */
  output(data: Uint8Array): Promise<void>;
}

export interface Exec {
  /** Resolves when the cluster has taken the bytes, also once it has ended. */
  write(data: Uint8Array): Promise<void>;
  resize(columns: number, rows: number): void;
  /** Hangs up; the program may go on. */
  hangUp(): void;
  /** Resolves when the program has ended or the connection has; never rejects. */
  ended: Promise<ExecEnd>;
}

/** Starts a program. Rejects with a KubeError; that the program is not there is said by `ended`. */
export async function startExec(
  client: ClusterClient,
  { namespace, pod, container }: ExecPlace,
  { command, isTerminal, output }: ExecOptions,
): Promise<Exec> {
  const socket = await client.webSocket(`/api/v1/namespaces/${namespace}/pods/${pod}/exec`, [
    ["container", container],
    ["stdout", "true"],
    // A terminal has one stream of output.
    ...(isTerminal
      ? ([
          ["stdin", "true"],
          ["tty", "true"],
        ] as const)
      : ([["stderr", "true"]] as const)),
    ...command.map((word) => ["command", word] as const),
  ]);
  const { promise: ended, resolve: end } = Promise.withResolvers<ExecEnd>();
  let said: ExecEnd | undefined;
  let delivered = Promise.resolve();
  let waiting = 0;

  const deliver = (data: Uint8Array) => {
    waiting++;
    socket.pause();
    delivered = delivered
      .then(() => output(data))
      .then(() => {
        waiting--;
        if (waiting === 0) socket.resume();
      });
  };
  socket.on("message", (message: Buffer) => {
    const [channel] = message;
    const data = message.subarray(1);
    if (channel === STATUS) said = execEnd(data.toString("utf8"), command[0] ?? "");
    else if ((channel === STDOUT || channel === STDERR) && data.length > 0) deliver(data);
  });
  // What stands between drops connections on which nothing happens.
  const keepAlive = setInterval(() => socket.ping(), KEEP_ALIVE_MS);
  socket.on("error", () => {});
  socket.on("close", () => {
    clearInterval(keepAlive);
    const lost = { reason: "the connection to the container broke; what ran there may have ended with it" };
    void delivered.then(() => end(said ?? lost));
  });
  socket.resume();

  const send = (channel: number, data: Uint8Array): Promise<void> => {
    const { promise, resolve } = Promise.withResolvers<void>();
    socket.send(Buffer.concat([Uint8Array.of(channel), data]), () => resolve());
    return promise;
  };
  return {
    ended,
    write: (data) => send(STDIN, data),
    resize: (Width, Height) => void send(RESIZE, Buffer.from(JSON.stringify({ Width, Height }))),
    hangUp: () => {
      // What is paused would never hear the answer to a farewell.
      socket.terminate();
    },
  };
}

/** Longest that a program of mflow's own may take in a container, milliseconds. */
const OWN_PROGRAM_MS = 15_000;

/** Runs a small program of mflow's own to its end. Answers how it ended; rejects with a KubeError. */
export async function runInContainer(
  client: ClusterClient,
  place: ExecPlace,
  command: string[],
): Promise<ExecEnd> {
  const exec = await startExec(client, place, { command, isTerminal: false, output: async () => {} });
  const tooLong = setTimeout(() => exec.hangUp(), OWN_PROGRAM_MS);
  const end = await exec.ended;
  clearTimeout(tooLong);
  return end;
}
