import { createHash } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { cacheKeyOf } from "../../shell/supervisor/cache-key.ts";
import { findPattern, podCacheKey } from "./cache-key.ts";

const FILES = { "package-lock.json": "one", "web/package-lock.json": "two", "web/src/a.ts": "three" };

function hashesOf(files: Record<string, string>): string {
  return Object.entries(files)
    .map(([name, text]) => `${createHash("sha256").update(text).digest("hex")}  ${name}\n`)
    .join("");
}

test.each([
  [["package-lock.json"]],
  [["**/package-lock.json"]],
  [["*/package-lock.json", "web/**/*.ts"]],
  [["{web,api}/*.json"]],
  [["none"]],
  [[]],
])("files %j make the same key in a pod as on the server's machine", async (globs) => {
  const workspace = await mkdtemp(join(tmpdir(), "mflow-key-"));
  for (const [name, text] of Object.entries(FILES)) {
    await mkdir(dirname(join(workspace, name)), { recursive: true });
    await writeFile(join(workspace, name), text);
  }
  const plan = { files: globs, paths: ["a"], pathsHash: "a", always: false, prefix: "npm" };
  const expected = await cacheKeyOf(plan, workspace);
  await rm(workspace, { recursive: true });
  expect(podCacheKey("npm", globs, hashesOf(FILES))).toEqual(expected);
});

test("what a pod says besides is passed over", () => {
  const hashes = `sha256sum: x: Permission denied\n${hashesOf({ a: "1" })}`;
  expect(podCacheKey(undefined, ["a"], hashes)).toEqual(podCacheKey(undefined, ["a"], hashesOf({ a: "1" })));
});

test("too many files are refused", () => {
  const many = Object.fromEntries(Array.from({ length: 1001 }, (_, index) => [`f${index}`, "x"]));
  expect(() => podCacheKey("a", ["*"], hashesOf(many))).toThrow("more than 1000 files fit `*`");
});

test.each([
  ["package-lock.json", "./package-lock.json"],
  ["./a//b", "./a/b"],
  ["**/go.sum", "./*go.sum"],
  ["a/**/*.{ts,tsx}", "./a/*.*"],
])("find looks for at least what %s fits", (glob, pattern) => {
  expect(findPattern(glob)).toBe(pattern);
});
