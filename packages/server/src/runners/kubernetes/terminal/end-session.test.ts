// That what a session started in a running container ends with it, also when the cluster does not answer at once.

import { EventEmitter } from "node:events";
import type { KubePod } from "@mflow/core/kubernetes/kube-objects";
import { beforeEach, expect, test } from "vitest";
import type { Terminal } from "../../runner.ts";
import { type ClusterClient, KubeError } from "../api/cluster-client.ts";
import { CleanUps } from "./clean-ups.ts";
import { openPodTerminal } from "./terminal.ts";

const SUCCESS = '{"metadata":{},"status":"Success"}';
const LOST = new KubeError(0, "connect ECONNREFUSED");
const NOT_FOUND = new KubeError(500, 'container not found ("main")');

/** What becomes of each program that is to end the session: an error, the connection breaks, or it ends. */
let fates: (KubeError | "breaks" | "ends")[];
let containerId: string;
let tries: number;
let warnings: string[];
beforeEach(() => {
  fates = [];
  containerId = "containerd://1";
  tries = 0;
  warnings = [];
});

/** The connection of a program: it ends when it is hung up, or, with a fate, as soon as somebody listens. */
class FakeSocket extends EventEmitter {
  readonly #fate: "breaks" | "ends" | undefined;
  constructor(fate?: "breaks" | "ends") {
    super();
    this.#fate = fate;
  }
  resume(): void {
    if (this.#fate === "ends") this.emit("message", Buffer.concat([Uint8Array.of(3), Buffer.from(SUCCESS)]));
    if (this.#fate !== undefined) this.emit("close");
  }
  pause(): void {}
  ping(): void {}
  send(_data: Uint8Array, sent: () => void): void {
    sent();
  }
  terminate(): void {
    this.emit("close");
  }
}

const client = {
  get: async (): Promise<KubePod> => ({
    spec: { containers: [{ name: "main" }] },
    status: {
      phase: "Running",
      containerStatuses: [{ name: "main", containerID: containerId, state: { running: {} } }],
    },
  }),
  webSocket: async (_path: string, query: [string, string][]) => {
    const [, , script] = query.flatMap(([key, word]) => (key === "command" ? [word] : []));
    if (script === ":") return new FakeSocket("ends");
    if (!script?.includes("kill")) return new FakeSocket();
    tries++;
    const fate = fates.shift() ?? "ends";
    if (fate instanceof KubeError) throw fate;
    return new FakeSocket(fate);
  },
} as unknown as ClusterClient;

function open(): Promise<Terminal> {
  const place = { namespace: "ci", pod: "task-1", installation: "one" };
  const cleanUps = new CleanUps((message) => warnings.push(message), {
    firstBackoffMs: 1,
    patienceMs: 3_600_000,
  });
  const request = { columns: 80, rows: 24, output: async () => {} };
  return openPodTerminal(client, place, request, cleanUps);
}

test("what a session started is ended as soon as the cluster answers", async () => {
  const terminal = await open();
  fates = [LOST, LOST, "breaks"];
  terminal.close("enough");
  expect(await terminal.ended).toEqual({ reason: "enough" });
  expect(tries).toBe(4);
  expect(warnings.map((one) => one.replace(/[0-9a-f]{24}/, "SESSION"))).toEqual([
    "processes of terminal SESSION in pod task-1 in namespace ci: connect ECONNREFUSED; it is tried again until it succeeds",
  ]);
});

test("where the container was started again nothing is left to end", async () => {
  const terminal = await open();
  containerId = "containerd://2";
  fates = [NOT_FOUND, NOT_FOUND];
  terminal.close("enough");
  await terminal.ended;
  expect([tries, warnings]).toEqual([1, []]);
});
