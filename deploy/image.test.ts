// The image is built from what reaches the builder: .dockerignore lets through what deploy/assemble.sh takes.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const text = (...path: string[]) => readFileSync(join(import.meta.dirname, "..", ...path), "utf8");

test("what the image is put together from is sent to the builder, and nothing else", () => {
  const [, parts = ""] = /^for part in (.*); do$/m.exec(text("deploy", "assemble.sh")) ?? [];
  const sent = text(".dockerignore")
    .split("\n")
    .filter((line) => line.startsWith("!"))
    .map((line) => line.slice(1));
  expect(sent.sort()).toEqual([...parts.split(" "), "deploy/assemble.sh"].sort());
});

test("the image is put together by the script that the check of the chart runs too", () => {
  expect(text("deploy", "Dockerfile")).toContain("RUN sh /source/deploy/assemble.sh /source /app\n");
  expect(text("deploy", "check", "rootfs.sh")).toContain(
    'sh "$source/deploy/assemble.sh" "$source" "$root/app"',
  );
});
