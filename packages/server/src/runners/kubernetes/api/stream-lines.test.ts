import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { linesOf } from "./stream-lines.ts";

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
