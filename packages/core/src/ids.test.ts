import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { MflowError } from "./errors.ts";
import { isId, makeId } from "./ids.ts";

const bytes = (fill: number, length = 10) => new Uint8Array(length).fill(fill);

describe("makeId", () => {
  test("is the prefix and a ULID in lower case", () => {
    // Time and text are those of the ULID reference implementation's example, 01ARYZ6S41TSV4RRFFQ69G5FAV.
    expect(makeId("task", 1469918176385, bytes(0))).toBe("task-01aryz6s410000000000000000");
    expect(makeId("run", 0, bytes(255))).toBe("run-0000000000zzzzzzzzzzzzzzzz");
    expect(makeId("run", 2 ** 48 - 1, bytes(255))).toBe("run-7zzzzzzzzzzzzzzzzzzzzzzzzz");
    expect(makeId("run", 1, Uint8Array.from([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 255]))).toBe(
      "run-0000000001000g40r40m30e209",
    );
  });

  test("uses every one of the 80 random bits", () => {
    const ids = new Set<string>();
    for (let bit = 0; bit < 80; bit++) {
      const random = bytes(0);
      random[bit >> 3] = 1 << (bit & 7);
      ids.add(makeId("x", 0, random));
    }
    expect(ids.size).toBe(80);
  });

  test("refuses times and random bytes that do not fill an id", () => {
    expect(() => makeId("x", -1, bytes(0))).toThrow(new MflowError("INTERNAL", "no id can have the time -1"));
    expect(() => makeId("x", Number.NaN, bytes(0))).toThrow(MflowError);
    expect(() => makeId("x", 2 ** 48, bytes(0))).toThrow(MflowError);
    expect(() => makeId("x", 0, bytes(0, 9))).toThrow(
      new MflowError("INTERNAL", "an id needs 10 random bytes, not 9"),
    );
  });

  const time = fc.integer({ min: 0, max: 2 ** 48 - 1 });
  const random = fc.uint8Array({ minLength: 10, maxLength: 10 });

  test("property: ids tell their time, sort by it, and are ids of their prefix alone", () => {
    fc.assert(
      fc.property(time, time, random, random, (first, second, one, other) => {
        const a = makeId("task", first, one);
        const b = makeId("task", second, other);
        if (first !== second) expect(a < b).toBe(first < second);
        expect([isId("task", a), isId("run", a), isId("tas", a)]).toEqual([true, false, false]);
        expect(a).toMatch(/^task-[0-9a-hjkmnp-tv-z]{26}$/);
      }),
    );
  });
});

test.each([
  "",
  "task",
  "task-",
  "01arz3ndek0000000000000000",
  "task-01arz3ndek000000000000000",
  "task-01arz3ndek00000000000000000",
  "task-01ARZ3NDEK0000000000000000",
  "task-81arz3ndek0000000000000000",
  "task-01arz3ndek000000000000000l",
  "task-01arz3ndek0000000000000000\n",
  "taskx01arz3ndek0000000000000000",
])("%j is no id of a task", (text) => {
  expect(isId("task", text)).toBe(false);
});

test("a prefix may contain a dash", () => {
  expect(isId("job-task", makeId("job-task", 77, bytes(1)))).toBe(true);
});
