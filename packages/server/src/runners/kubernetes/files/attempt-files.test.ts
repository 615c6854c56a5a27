// What the helpers of a pod are answered, and what becomes of the bytes that they send.

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { MflowError } from "@mflow/core/errors";
import type { Keep } from "@mflow/core/keep";
import type { PodFilesQuery } from "@mflow/core/schema/artifact";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { KeptFiles } from "../../testing/kept-files.ts";
import { AttemptFiles } from "./attempt-files.ts";
import { PIECE_BYTES } from "./pod-script.ts";

const ref = { taskId: "task-1", attempt: 1 };
const keep: Keep = {
  artifacts: [
    { name: "it's", path: "./out//app", retention: "1h" },
    { name: "report", path: "report", when: "ALWAYS", optional: true },
  ],
  fetch: [{ from: "make", name: "app" }],
  caches: [
    { key: { prefix: "npm", files: ["**/lock"] }, paths: ["node_modules"] },
    { key: { prefix: "all" }, paths: ["b", "a"] },
  ],
};

let store: KeptFiles;
let files: AttemptFiles;

beforeEach(() => {
  store = new KeptFiles();
  files = made();
});
afterEach(() => {
  vi.useRealTimers();
  store.dispose();
});

function made(): AttemptFiles {
  return new AttemptFiles({ ref, keep, files: store, limit: 10_000_000, graceMs: 5000 });
}

async function* chunksOf(text: string) {
  yield Buffer.from(text);
}

function ask(step: string, query: PodFilesQuery = {}, body = ""): Promise<string> {
  return files.ask({ step, query, body: chunksOf(body) });
}

const sha256 = (bytes: Buffer) => createHash("sha256").update(bytes).digest("hex");

/** Sends as the container does; answers how often a piece was sent. */
async function send(name: string, bytes: Buffer): Promise<number> {
  let pieces = 0;
  for (let at = 0; at < bytes.length; pieces++) {
    const piece = bytes.subarray(at, at + PIECE_BYTES).toString("base64");
    at = Number(await ask("piece", { name, at }, piece.replace(/(.{76})/g, "$1\n")));
  }
  return pieces;
}

test("bytes come in pieces, are kept as the manifest says, and are not kept twice", async () => {
  const bytes = Buffer.alloc(PIECE_BYTES * 2 + 5, "abc\0");
  expect(await send("artifact.0", bytes)).toBe(3);
  const query = { number: 0, kind: "FILE", executable: true, sha256: sha256(bytes) } as const;
  expect(await Promise.all([ask("artifact", query), ask("artifact", query)])).toEqual(["", ""]);
  const { file, ...facts } = store.artifacts.get("it's") ?? { file: "" };
  expect(facts).toEqual({
    ...{ name: "it's", kind: "FILE", path: "./out//app", executable: true },
    ...{ sha256: sha256(bytes), retentionMs: 3_600_000 },
  });
  expect([readFileSync(file).equals(bytes), store.kept]).toEqual([true, ["it's"]]);
});

test("an empty file has no pieces", async () => {
  expect(await ask("artifact", { number: 1, sha256: sha256(Buffer.alloc(0)) })).toBe("");
  expect(store.artifacts.get("report")?.kind).toBe("FILE");
});

test("pieces that a server before this one had are sent anew", async () => {
  const bytes = Buffer.alloc(PIECE_BYTES + 5, "x");
  const later = bytes.subarray(PIECE_BYTES).toString("base64");
  expect(await ask("piece", { name: "artifact.0", at: PIECE_BYTES }, later)).toBe("0\n");
  expect(await ask("artifact", { number: 0, sha256: sha256(bytes) })).toBe("again=1\n");
  await send("artifact.0", bytes);
  expect(await ask("artifact", { number: 0, sha256: sha256(bytes) })).toBe("");
});

test("what is refused for good fails the task; a store that is away is asked again", async () => {
  const bytes = Buffer.from("x");
  await send("artifact.0", bytes);
  const query = { number: 0, sha256: sha256(bytes) };
  store.away = 1;
  await expect(ask("artifact", query)).rejects.toMatchObject({ code: "UNAVAILABLE" });
  store.refusal = new MflowError("ARTIFACT_REFUSED", "it's bad");
  expect(await ask("artifact", query)).toBe("fail ARTIFACT_REFUSED 'it'\\''s bad'\n");
});

test.each([
  ["artifact.2", "is nothing that this task keeps"],
  ["../x", "is nothing that this task keeps"],
])("a piece of %s is refused", async (name, words) => {
  await expect(ask("piece", { name, at: 0 }, "AA==")).rejects.toThrow(words);
});

test("more than an artifact may have is refused", async () => {
  const at = PIECE_BYTES * 4;
  await send("artifact.0", Buffer.alloc(at));
  const piece = Buffer.alloc(PIECE_BYTES).toString("base64");
  await expect(ask("piece", { name: "artifact.0", at }, piece)).rejects.toMatchObject({
    code: "ARTIFACT_TOO_LARGE",
  });
});

test("what is fetched is told with its hash, and a file is there for each", async () => {
  const file = await store.incoming(ref, "made");
  const { writeFileSync } = await import("node:fs");
  writeFileSync(file, "bytes");
  const facts = { kind: "FOLDER", path: "out/it's", executable: false, sha256: "0".repeat(64) } as const;
  await store.keep(ref, [{ name: "app", ...facts, file }]);
  const script = await ask("fetch");
  expect(script).toContain(
    `get 0 'FOLDER' 'out' 'it'\\''s' '' '${"0".repeat(64)}' 'artifact \`app\`' || { pause; return; }\n`,
  );
  expect(script).toContain("cache 0 '-path' './*lock'\ncache 1\nexit 0\n");
  expect(readFileSync((await made().file("fetch", 0)) ?? "", "utf8")).toBe("bytes");
  expect(await files.file("fetch", 1)).toBeUndefined();
});

test("what is not there to be fetched ends the container, and the task", async () => {
  expect(await ask("fetch")).toMatch(/fail 'FETCH_FAILED' 'no task `make` keeps `app`'\nexit 1\n$/);
});

test("a cache gets its key before the work, and is saved under it", async () => {
  const hashes = `${"1".repeat(64)}  web/lock\n`;
  const first = await ask("cache", { number: 0 }, hashes);
  const [, key = ""] = /cache (npm-[0-9a-f]{40}): there is none yet/.exec(first) ?? [];
  expect(first).toBe(`printf '%s' '${key}' >"$dir/key.0"\nsay 'cache ${key}: there is none yet'\n`);
  const bytes = Buffer.from("archive");
  await send("cache.0", bytes);
  expect(await ask("save", { number: 0, key, sha256: sha256(bytes) })).toBe("");
  expect(await ask("cache", { number: 0 }, hashes)).toBe(
    `printf '%s' '${key}' >"$dir/key.0"\nrestore 0 '${key}' '${key}'\n`,
  );
  expect(readFileSync((await files.file("cache", 0)) ?? "", "utf8")).toBe("archive");
});

test("the end of the work says what is kept", async () => {
  const asked = ask("keep");
  files.seen({ step: "keep", workEnd: "SUCCEEDED" });
  const ends = (script: string) => script.split("\n").filter((line) => /^(artifact|save) /.test(line));
  expect(ends(await asked)).toEqual([
    "artifact 0 'it'\\''s' 'out/app' 'out' 'app' ''",
    "artifact 1 'report' 'report' '.' 'report' 'optional'",
    "save 0 '' '' 'node_modules'",
    "save 1 'anew' '' 'b' 'a'",
  ]);
  files.seen({ step: "keep", workEnd: "FAILED" });
  expect(ends(await ask("keep"))).toEqual(["artifact 1 'report' 'report' '.' 'report' 'optional'"]);
});

test("work that goes on is asked for again, also from a server that stops; what is over ends the container", async () => {
  vi.useFakeTimers();
  const asked = ask("keep");
  await vi.advanceTimersByTimeAsync(30_000);
  expect(await asked).toBe("");
  const last = ask("keep");
  files.close();
  expect(await last).toBe("");
  files.over();
  expect(await ask("keep")).toBe("exit 0\n");
});

test("a container that should be heard of and is not is told of after a while", () => {
  vi.useFakeTimers();
  expect(files.silence()).toBeUndefined();
  files.seen({ step: "fetch" });
  vi.advanceTimersByTime(59_000);
  expect(files.silence()).toEqual({ until: Date.now() + 1000 });
  vi.advanceTimersByTime(1000);
  expect(files.silence()?.failure).toEqual({
    reason: "FETCH_FAILED",
    message: expect.stringMatching(/^nothing was heard for 60 s of container `mflow-fetch`.*--public-url/),
  });
  void ask("alive");
  expect(files.silence()?.failure).toBeUndefined();
});
