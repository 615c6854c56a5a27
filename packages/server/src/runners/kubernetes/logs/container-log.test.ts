// Logs of a container from a node that answers as it is told to.

import { once } from "node:events";
import { PassThrough } from "node:stream";
import { describe, expect, test, vi } from "vitest";
import type { LogLine } from "../../../logs/log-store.ts";
import type { CallOptions, ClusterClient } from "../api/cluster-client.ts";
import { AttemptLog } from "./attempt-log.ts";
import { ContainerLog } from "./container-log.ts";

const written = ["10:00:00.100 begun", "10:00:00.200 at work", "10:00:01.300 done"].map(
  (line) => `2026-01-01T${line.replace(" ", "Z ")}\n`,
);
const texts = ["begun", "at work", "done"];

const BEGUN_AT = Date.parse("2026-01-01T10:00:00Z");

type Answer = (body: PassThrough) => void;

/** Follows a container; each read of its log is answered by the next of `answers`. */
function follow(
  answers: readonly Answer[],
  more: { append?: () => Promise<void>; endedAt?: number; begunAt?: number; earlier?: LogLine[] },
) {
  const { append = async () => {}, endedAt, begunAt = BEGUN_AT, earlier = [] } = more;
  const asked: CallOptions["query"][] = [];
  const stored = [...earlier];
  const client = {
    async stream(_path: string, { query, signal }: CallOptions) {
      const body = new PassThrough();
      signal?.addEventListener("abort", () => body.destroy(new Error("aborted")), { once: true });
      answers[asked.length]?.(body);
      asked.push(query);
      return body;
    },
  } as unknown as ClusterClient;
  const log = new AttemptLog(
    { taskId: "task-1", attempt: 1 },
    {
      logs: {
        length: async () => stored.length,
        read: async (_ref, from, count) => stored.slice(from - 1, from - 1 + count),
        append: async (_ref, lines) => {
          await append();
          stored.push(...lines);
        },
        finish: async () => {},
      },
      mask: (text) => text,
      maxBytes: 1_000_000,
      warn: () => {},
    },
  );
  const parts = { client, log, namespace: "default", pod: "pod", container: "main", step: "main", begunAt };
  const container = new ContainerLog({ ...parts, endedAt, isResumed: earlier.length > 0, warn: () => {} });
  return { container, asked, texts: () => stored.map(({ text }) => text) };
}

const container = "main";
const timestamps = true;
const endedAt = Date.parse("2026-01-01T10:00:01Z");
const sinceTime = "2026-01-01T10:00:00.000Z";

describe("the log of a container", () => {
  test("is asked for to its end, when the end is known and the node does not end the stream", async () => {
    const read = new PassThrough();
    const { container: followed, ...seen } = follow(
      [(body) => body.write(written.slice(0, 2).join("")), (body) => body.end(written.join(""))],
      { append: async () => void read.write("read") },
    );
    await once(read, "data");
    followed.ended(endedAt, false);
    await followed.done;
    expect({ asked: seen.asked, texts: seen.texts() }).toEqual({
      asked: [
        { container, timestamps, follow: true, sinceTime: undefined, previous: undefined },
        { container, timestamps, follow: false, sinceTime, previous: undefined },
      ],
      texts,
    });
  });

  test("is followed on when its pod is being deleted, which could not be asked for the rest", async () => {
    const bodies: PassThrough[] = [];
    const read = new PassThrough();
    const { container: followed, ...seen } = follow(
      [
        (body) => {
          body.write(written[0]);
          bodies.push(body);
        },
      ],
      { append: async () => void read.write("read") },
    );
    await once(read, "data");
    followed.ended(endedAt, true);
    // Longer than the silence after which it would be asked for.
    setTimeout(() => bodies[0]?.end(written.slice(1).join("")), 100);
    await followed.done;
    expect({ asked: seen.asked.length, texts: seen.texts() }).toEqual({ asked: 1, texts });
  });

  test("is not followed when the container has ended before it was read", async () => {
    const { container: followed, ...seen } = follow([(body) => body.end(written.join(""))], { endedAt });
    await followed.done;
    expect({ asked: seen.asked, texts: seen.texts() }).toEqual({
      asked: [{ container, timestamps, follow: false, sinceTime: undefined, previous: undefined }],
      texts,
    });
  });

  test("has no times in the middle of long lines, as older kubelets put there", async () => {
    const time = "2026-01-01T10:00:00.100000000Z ";
    const part = (letter: string) => letter.repeat(16 * 1024);
    const long = `${time}${part("a")}${time}${part("b")}${time}end`;
    const plain = `${time}${part("c")}${part("d")}`;
    const { container: followed, ...seen } = follow([(body) => body.end(`${long}\n${plain}\n`)], { endedAt });
    await followed.done;
    expect(seen.texts()).toEqual([`${part("a")}${part("b")}end`, `${part("c")}${part("d")}`]);
  });

  test("goes on when the connection breaks while lines are being stored", async () => {
    const broken = Promise.withResolvers<void>();
    const { container: followed, ...seen } = follow(
      [
        (body) => {
          body.write(written[0]);
          setImmediate(() => setImmediate(() => body.destroy(new Error("the connection broke"))));
          body.once("close", () => setImmediate(broken.resolve));
        },
        (body) => body.end(written.join("")),
      ],
      { append: () => broken.promise },
    );
    followed.ended(endedAt, false);
    await followed.done;
    expect(seen.texts()).toEqual(texts);
  });

  test("has its first lines once when it says that it began after it wrote them", async () => {
    const bodies: PassThrough[] = [];
    const { container: followed, ...seen } = follow(
      [
        (body) => {
          body.write(written.slice(0, 2).join(""));
          bodies.push(body);
        },
        (body) => body.end(written.join("")),
      ],
      { begunAt: BEGUN_AT + 1000 },
    );
    await vi.waitFor(() => expect(seen.texts()).toEqual(texts.slice(0, 2)));
    bodies[0]?.destroy(new Error("the connection broke"));
    await vi.waitFor(() => expect(seen.asked.length).toBe(2));
    followed.ended(endedAt, false);
    await followed.done;
    expect(seen.texts()).toEqual(texts);
  });

  test("follows on that of its earlier life without a gap", async () => {
    const time = BEGUN_AT - 500;
    const earlier: LogLine[] = [{ line: 1, time, stream: "stdout", step: "main", text: "begun" }];
    const { container: followed, ...seen } = follow([(body) => body.end(written.join(""))], {
      ...{ endedAt, earlier },
    });
    await followed.done;
    expect(seen.texts()).toEqual(["begun", ...texts]);
  });
});
