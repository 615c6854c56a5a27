// What containers write is stored to the line, however often the connection breaks: compared with what they wrote.

import { afterEach, beforeEach, expect, test } from "vitest";
import type { LogLine } from "../../../logs/log-store.ts";
import type { Runner, StartRequest } from "../../runner.ts";
import { RecordingHost } from "../../testing/recording-host.ts";
import { IMAGE, KubePlace, scriptJob } from "../testing/kube-place.ts";
import { KubeProxy } from "../testing/kube-proxy.ts";

let place: KubePlace;
let proxy: KubeProxy;
let runner: Runner;
let host: RecordingHost;

beforeEach(async () => {
  proxy = await KubeProxy.make();
  place = await KubePlace.make({ keepFor: "0s", keepFailedFor: "0s", kubeconfig: proxy.kubeconfig() });
  host = new RecordingHost();
  runner = await place.openRunner(host);
});
afterEach(async () => {
  proxy.meddle = () => undefined;
  await runner.close();
  await proxy.close();
  await place.dispose();
});

/** Cuts each connection for logs after a random time. */
function cutLogs(leastMs: number, mostMs: number): void {
  proxy.meddle = ({ path }) =>
    path.endsWith("/log")
      ? { kind: "cut", afterMs: leastMs + Math.random() * (mostMs - leastMs) }
      : undefined;
}

function logRequests(): number {
  return proxy.count("GET", /\/log$/);
}

/** The end, as soon as it is there; chatty ones take their time. */
function final(request: StartRequest) {
  return host.final(request, 100_000);
}

function written(request: StartRequest, step: string): string[] {
  return host.lines(request).flatMap((line) => (line.step === step ? line.text : []));
}

/** Where two lists of many lines differ first; nothing when they do not. */
function difference(is: readonly string[], wanted: readonly string[]) {
  const at = wanted.findIndex((text, index) => is[index] !== text);
  if (at === -1 && is.length === wanted.length) return undefined;
  const from = at === -1 ? wanted.length : at;
  return { at: from, is: is.slice(from, from + 3), wanted: wanted.slice(from, from + 3), length: is.length };
}

const LINES = 100_000;
const BURSTS = 10;
const numbers = Array.from({ length: LINES }, (_, index) => `line ${index + 1}`);
/** The node writes lines over 16 KiB in pieces, and Kubernetes 1.20 puts a time before each of them. */
const LONG = "x".repeat(15_000);
const SPECIAL = ["", "ünïcödé 字 🙂", "", "  spaces  ", LONG, "tab\there"];

/** Numbered lines in bursts, then some that are special, the last one without a line break. */
const chatty = `
  b=0; while [ $b -lt ${BURSTS} ]; do
    awk "BEGIN { for (i = $b * ${LINES / BURSTS} + 1; i <= ($b + 1) * ${LINES / BURSTS}; i++) print \\"line \\" i }"
    b=$((b + 1)); sleep 0.6
  done
  printf '\\nünïcödé 字 🙂\\n\\n  spaces  \\n'
  head -c 15000 /dev/zero | tr '\\0' x; printf '\\ntab\\there\\nno end'`;

function twoChatty(): StartRequest {
  const both = ["one", "two"].map((name) => ({ name, image: IMAGE, command: ["sh", "-c", chatty] }));
  return place.request(scriptJob("", { pod: { containers: both } }));
}

function expectWhole(request: StartRequest): void {
  const wanted = [...numbers, ...SPECIAL, "no end"];
  for (const step of ["one", "two"]) expect(difference(written(request, step), wanted)).toBeUndefined();
  expect(host.lines(request).filter(({ stream }) => stream === "mflow")).toEqual([]);
  expect(host.isFinished(request)).toBe(true);
}

test("200,000 lines of two containers are whole although the connection breaks all the time", async () => {
  cutLogs(300, 1000);
  const request = twoChatty();
  await runner.start(request);
  expect((await final(request)).stage).toBe("SUCCEEDED");
  expectWhole(request);
  expect(logRequests()).toBeGreaterThan(8);
});

test("they are whole as well when the server goes away in the middle", async () => {
  cutLogs(600, 2000);
  const request = twoChatty();
  await runner.start(request);
  for (const lines of [20_000, 90_000]) {
    await host.until(() => host.lines(request).length > lines || undefined);
    await runner.close();
    runner = await place.openRunner(host);
  }
  expect((await final(request)).stage).toBe("SUCCEEDED");
  expectWhole(request);
});

test("more than a node keeps is whole, or a note says where lines are missing", async () => {
  cutLogs(1500, 3000);
  const count = 400_000;
  const script = `awk 'BEGIN { for (i = 1; i <= ${count}; i++) print "a line of some length, so that there are bytes " i }'; sleep 2`;
  const request = place.request(scriptJob(script));
  await runner.start(request);
  expect((await final(request)).stage).toBe("SUCCEEDED");
  let last = 0;
  let noted = false;
  const silent: LogLine[] = [];
  for (const line of host.lines(request)) {
    if (line.stream === "mflow") {
      noted = true;
      continue;
    }
    const number = Number(line.text.split(" ").at(-1));
    if (number !== last + 1 && !(noted && number > last)) silent.push(line);
    [last, noted] = [number, false];
  }
  expect(silent.slice(0, 3)).toEqual([]);
  if (!noted) expect(last).toBe(count);
});

test("lines longer than the node writes in one piece break nothing", async () => {
  const request = place.request(
    scriptJob("echo before; head -c 100000 /dev/zero | tr '\\0' y; echo; echo after"),
  );
  await runner.start(request);
  expect((await final(request)).stage).toBe("SUCCEEDED");
  const lines = written(request, "main");
  expect([lines[0], lines.at(-1)]).toEqual(["before", "after"]);
  // Kubernetes 1.20 puts times between the pieces.
  expect(lines.slice(1, -1).join("").replaceAll(/[^y]/g, "").length).toBe(100_000);
});

test("a log longer than is kept ends with a note, and the task goes on", async () => {
  await runner.close();
  runner = await place.openRunner(host, { logBytesPerTask: 20_000 });
  const script = "awk 'BEGIN { for (i = 1; i <= 20000; i++) print \"line \" i }'; sleep 1; echo late";
  const request = place.request(scriptJob(script));
  await runner.start(request);
  expect((await final(request)).stage).toBe("SUCCEEDED");
  const last = host.lines(request).at(-1);
  expect([last?.stream, last?.text]).toEqual([
    "mflow",
    "the log is longer than 20000 bytes; the rest of it is not kept",
  ]);
  const kept = host.lines(request).slice(0, -1);
  expect(
    difference(
      kept.map(({ text }) => text),
      numbers.slice(0, kept.length),
    ),
  ).toBeUndefined();
});

test("a connection that stands still is given up once the container has ended", async () => {
  const { promise: asked, resolve } = Promise.withResolvers<void>();
  proxy.meddle = ({ path }) => {
    if (!path.endsWith("/log") || logRequests() > 1) return undefined;
    resolve();
    return { kind: "stall" };
  };
  const request = place.request(scriptJob("echo one; sleep 1; echo two"));
  await runner.start(request);
  await asked;
  expect((await final(request)).stage).toBe("SUCCEEDED");
  expect(host.texts(request)).toEqual(["stdout main| one", "stdout main| two"]);
});

test("a node that ends the stream in the middle of a line leaves no half line", async () => {
  let answered = 0;
  proxy.meddle = ({ path }) => {
    if (!path.endsWith("/log") || answered > 0) return undefined;
    answered++;
    const time = new Date().toISOString();
    return { kind: "answer", status: 200, body: `${time} of another file\n${time} and ha` };
  };
  const request = place.request(scriptJob("sleep 2; echo one; sleep 2; echo two"));
  await runner.start(request);
  expect((await final(request)).stage).toBe("SUCCEEDED");
  expect(host.texts(request)).toEqual([
    "stdout main| of another file",
    "mflow main| some lines are missing here: the node threw them away before they were read",
    "stdout main| one",
    "stdout main| two",
  ]);
});

test("a container that is started again has the lines of each of its lives once", async () => {
  cutLogs(300, 1500);
  const script =
    "echo try >> /v/tries; n=$(wc -l < /v/tries); echo begin $n; sleep 1; echo end $n; [ $n -ge 3 ]";
  const volumes = [{ name: "v", emptyDir: {} }];
  const container = { volumeMounts: [{ name: "v", mountPath: "/v" }] };
  const pod = { restartPolicy: "OnFailure", volumes };
  const request = place.request(scriptJob(script, { container, pod, job: { backoffLimit: 5 } }));
  await runner.start(request);
  await host.logged(request, "end 1");
  await host.logged(request, "begin 2");
  await runner.close();
  runner = await place.openRunner(host);
  expect((await final(request)).stage).toBe("SUCCEEDED");
  // Where the connection was cut in the moment in which the container began again, a note says that there may be more.
  expect(host.texts(request).filter((text) => !text.startsWith("mflow "))).toEqual(
    [1, 2, 3].flatMap((n) => [`stdout main| begin ${n}`, `stdout main| end ${n}`]),
  );
});
