// Lines that are read again after a break: those that are stored are left out, and nothing else.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { WrittenLine } from "./attempt-log.ts";
import { Overlap } from "./container-log.ts";
import { linesOf } from "./stream-lines.ts";

const line = (number: number): WrittenLine => ({ time: 1_000 + number, text: `line ${number}` });
const lines = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, index) => line(from + index));

/** What is fresh when `again` comes in batches of `size`, and whether something is missing. */
function fresh(stored: WrittenLine[], again: WrittenLine[], size = 2) {
  const overlap = new Overlap(stored);
  const found: WrittenLine[] = [];
  for (let at = 0; at < again.length; at += size) found.push(...overlap.fresh(again.slice(at, at + size)));
  found.push(...overlap.rest());
  return { found, hasGap: overlap.hasGap };
}

describe("lines that are read again", () => {
  test("all stored ones come again, and more", () => {
    expect(fresh(lines(0, 5), lines(0, 9))).toEqual({ found: lines(5, 9), hasGap: false });
  });

  test("nothing new has come", () => {
    expect(fresh(lines(0, 5), lines(0, 5))).toEqual({ found: [], hasGap: false });
  });

  test("the node has thrown away the first of them", () => {
    expect(fresh(lines(0, 5), lines(3, 9))).toEqual({ found: lines(5, 9), hasGap: false });
  });

  test("the node has thrown away more than was stored: a gap is told", () => {
    expect(fresh(lines(0, 5), lines(7, 9))).toEqual({ found: lines(7, 9), hasGap: true });
  });

  test("lines that are equal are told apart by how many there are", () => {
    const same = (count: number) => Array.from({ length: count }, () => ({ time: 1000, text: "tick" }));
    expect(fresh(same(3), same(5))).toEqual({ found: same(2), hasGap: false });
  });

  test("however they are cut, stored and fresh together are what was written", () => {
    const texts = fc.array(
      fc.record({ time: fc.integer({ min: 0, max: 3 }), text: fc.constantFrom("a", "b") }),
      { minLength: 1, maxLength: 30 },
    );
    fc.assert(
      fc.property(
        texts,
        fc.integer({ min: 1, max: 30 }),
        fc.integer({ min: 1, max: 7 }),
        (written, at, size) => {
          const stored = written.slice(0, at);
          const { found, hasGap } = fresh(stored, written, size);
          expect({ whole: [...stored, ...found], hasGap }).toEqual({ whole: written, hasGap: false });
        },
      ),
    );
  });
});

describe("lines of a stream", () => {
  async function read(chunks: Uint8Array[], maxBytes?: number): Promise<string[]> {
    async function* body() {
      yield* chunks;
    }
    const found: string[] = [];
    for await (const batch of linesOf(body(), maxBytes)) found.push(...batch);
    return found;
  }

  test("come whole however the bytes are cut, with empty ones and a last one without a break", () => {
    const text = "one\n\nzwei äöü 漢字\r\nlast";
    const bytes = Buffer.from(text);
    return fc.assert(
      fc.asyncProperty(fc.array(fc.nat(bytes.length), { maxLength: 6 }), async (cuts) => {
        const places = [0, ...cuts.toSorted((a, b) => a - b), bytes.length];
        const chunks = places.slice(1).map((end, index) => bytes.subarray(places[index], end));
        expect(await read(chunks)).toEqual(["one", "", "zwei äöü 漢字", "last"]);
      }),
    );
  });

  test("that are too long come in pieces, none of which cuts a character", async () => {
    const pieces = await read([Buffer.from(`${"ä".repeat(10)}\nend\n`)], 5);
    expect(pieces).toEqual(["ää", "ää", "ää", "ää", "ää", "end"]);
  });
});
