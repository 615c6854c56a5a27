// Lines out of bytes: no secret, no loss, whatever the pieces.

import { Buffer } from "node:buffer";
import { createMasker, createStreamMasker } from "@mflow/core/mask";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { OutputLines } from "./output-lines.ts";

function linesOf(pieces: Iterable<Uint8Array>, secrets: string[] = []): string[] {
  const found: string[] = [];
  const lines = new OutputLines(createStreamMasker(secrets), (line) => found.push(line));
  for (const piece of pieces) lines.push(Buffer.from(piece));
  lines.end();
  return found;
}

describe("lines", () => {
  test("are the same however the bytes are cut", () => {
    const word = fc.constantFrom("s3cret", "s3c", "ret", "ä", "€", "🙂", "x", " ", "\n", "\r\n", "\n\n");
    fc.assert(
      fc.property(fc.array(word, { maxLength: 60 }), fc.array(fc.nat(40)), (words, cuts) => {
        const text = words.join("");
        const bytes = Buffer.from(text);
        const pieces: Uint8Array[] = [];
        let from = 0;
        for (const cut of cuts) {
          pieces.push(bytes.subarray(from, from + cut));
          from += cut;
        }
        pieces.push(bytes.subarray(from));
        const whole = createMasker(["s3cret"])(text).split(/\r?\n/);
        if (whole.at(-1) === "") whole.pop();
        expect(linesOf(pieces, ["s3cret"])).toEqual(whole);
      }),
    );
  });

  test("that are very long come in pieces that join to the whole, without a secret at the seams", () => {
    const secret = "0123456789".repeat(20);
    fc.assert(
      fc.property(
        fc.integer({ min: 65_300, max: 65_700 }),
        fc.integer({ min: 1, max: 70_000 }),
        (before, cut) => {
          const text = `${"x".repeat(before)}${secret}${"y".repeat(70_000)}`;
          const bytes = Buffer.from(text);
          const lines = linesOf([bytes.subarray(0, cut), bytes.subarray(cut)], [secret]);
          expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(64 * 1024);
          expect(lines.join("")).toBe(text.replace(secret, "***"));
        },
      ),
      { numRuns: 30 },
    );
  });

  test("keep pairs of surrogates together", () => {
    const lines = linesOf([Buffer.from(`x${"🙂".repeat(40_000)}`)]);
    expect(lines.join("")).toBe(`x${"🙂".repeat(40_000)}`);
    expect(lines.every((line) => line.isWellFormed())).toBe(true);
  });

  test("of an endless progress bar do not grow in memory", () => {
    const state = Buffer.from(`${"=".repeat(1000)}\r`);
    expect(linesOf(Array.from({ length: 1000 }, () => state))).toEqual(["=".repeat(1000)]);
  });

  test("after a gap show nothing of a secret that was cut by it", () => {
    const found: string[] = [];
    const lines = new OutputLines(createStreamMasker(["hunter2"]), (line) => found.push(line));
    lines.push(Buffer.from("before hunt"));
    lines.breakOff();
    lines.push(Buffer.from("after\n"));
    lines.end();
    expect(found).toEqual(["before ", "after"]);
  });
});
