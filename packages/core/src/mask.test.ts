import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createMasker, createStreamMasker } from "./mask.ts";

function maskText(text: string, secrets: readonly string[]): string {
  return createMasker(secrets)(text);
}

describe("createMasker", () => {
  const cases: [what: string, secrets: string[], text: string, masked: string][] = [
    ["each value wherever it stands", ["hunter2"], "hunter2 a hunter2, xhunter2x", "*** a ***, x***x"],
    ["every one of several values", ["alpha", "beta"], "beta and alpha", "*** and ***"],
    ["values side by side apart", ["alpha", "beta"], "alphabeta", "******"],
    ["nothing without values", [], "alpha", "alpha"],
    ["nothing of values under 4 characters", ["abc", "", "ab "], "abc abc ", "abc abc "],
    ["values of 4 characters", ["abcd"], "abc abcd", "abc ***"],
    ["the longer of two values that begin alike", ["pass", "password"], "password pass", "*** ***"],
    [
      "the longer of two values of which one is inside the other",
      ["xpassx", "pass"],
      "xpassx pass",
      "*** ***",
    ],
    ["values that overlap as one", ["abcdef", "defghi"], "1abcdefghi2", "1***2"],
    ["a value that overlaps itself as one", ["abab"], "1ababab2", "1***2"],
    ["a value found only after a longer one failed", ["abcabx", "bcab"], "abcaby", "a***y"],
    ["a value of asterisks", ["****"], "a****b a*****b a***b", "a***b a***b a***b"],
    ["values with asterisks inside", ["a***b", "***b1"], "a***b a***b1", "*** ***"],
    ["the trimmed form of a value", [" \n token1 \n"], "<token1>", "<***>"],
    ["letters beyond Latin", ["пароль", "🔑🔑"], "ваш пароль 🔑🔑!", "ваш *** ***!"],
    ["characters that mean something in patterns", ["$&.*+?^()[]|\\"], "x$&.*+?^()[]|\\y", "x***y"],
    ["a many-line value as a whole", ["ab\ncd\nef"], "1ab\ncd\nef2", "1***2"],
    [
      "each long line of a many-line value",
      ["first\nab\n  second  \n"],
      "x first ab second y",
      "x *** ab *** y",
    ],
    ["lines ended in either way", ["first\r\nsecond\r\n"], "first\nsecond\n first\r\n", "***\n***\n ***\r\n"],
    ["no blank lines of a many-line value", ["first\n      \nsecond"], "[      ]", "[      ]"],
  ];
  test.each(cases)("masks %s", (_, secrets, text, masked) => {
    expect(maskText(text, secrets)).toBe(masked);
  });

  test("does not let a mask and the text beside it read as a value made of asterisks", () => {
    expect(maskText("*abcd", ["abcd", "****"])).toBe("***·*");
    expect(maskText("*abcdabcd", ["abcd", "****"])).toBe("***·***·*");
    expect(maskText("xabcd", ["abcd", "x***", "·"])).toBe("x**·*");
    expect(maskText("xabcd", ["abcd", "x***·"])).toBe("x***");
    expect(maskText("xabcd·", ["abcd", "x***·"])).toBe("x***¸·");
  });
});

/** Values and texts over few characters, so that values overlap, contain each other and meet the mask. */
const character = fc.constantFrom("a", "b", "*", "\n", " ", "\r", "·");
const word = fc.string({ unit: character, maxLength: 12 });
const secrets = fc.array(word, { maxLength: 5 });
/** Texts that contain values. */
const textWith = (values: string[]) =>
  fc.array(fc.oneof(word, fc.constantFrom("", ...values)), { maxLength: 6 }).map((parts) => parts.join(""));
const scene = secrets.chain((values) => fc.record({ values: fc.constant(values), text: textWith(values) }));

/** The values that must not show: those, and their lines, of 4 characters or more. */
function forbidden(values: string[]): string[] {
  return values
    .flatMap((value) => [
      value,
      value.trim(),
      ...value.split(/\r?\n/).filter((line) => value.includes("\n") && line.trim() !== ""),
    ])
    .filter((each) => each.length >= 4);
}

describe("masking of any text", () => {
  test("property: no value and no line of one is in the result, and masking again changes nothing", () => {
    fc.assert(
      fc.property(scene, ({ values, text }) => {
        const masked = maskText(text, values);
        expect(forbidden(values).filter((each) => masked.includes(each))).toEqual([]);
        expect(maskText(masked, values)).toBe(masked);
      }),
      { numRuns: 1000 },
    );
  });

  test("property: no value of any characters survives", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 4 }), fc.string(), fc.string(), (secret, before, after) => {
        expect(maskText(before + secret + after, [secret])).not.toContain(secret);
      }),
    );
  });

  test("property: what does not belong to a value stays, when values have no asterisks", () => {
    const plain = fc.string({ unit: fc.constantFrom("a", "b", "c"), maxLength: 6 });
    fc.assert(
      fc.property(fc.array(plain, { maxLength: 3 }), fc.array(plain, { maxLength: 8 }), (values, parts) => {
        const text = parts.join("");
        const covered = new Array<number>(text.length).fill(-1);
        let mask = 0;
        for (let start = 0; start < text.length; start++) {
          const lengths = values
            .filter((each) => each.length >= 4 && text.startsWith(each, start))
            .map((v) => v.length);
          if (lengths.length === 0) continue;
          const joins = (covered[start] ?? -1) !== -1;
          if (!joins) mask++;
          covered.fill(mask, start, start + Math.max(...lengths));
        }
        let expected = "";
        for (let at = 0; at < text.length; at++) {
          if (covered[at] === -1) expected += text[at];
          else if (covered[at] !== covered[at - 1]) expected += "***";
        }
        expect(maskText(text, values)).toBe(expected);
      }),
      { numRuns: 1000 },
    );
  });
});

describe("createStreamMasker", () => {
  test("property: cut anywhere, the output is the masked whole and holds back less than the longest value", () => {
    const cutScene = scene.chain(({ values, text }) =>
      fc.record({
        values: fc.constant(values),
        text: fc.constant(text),
        cuts: fc.array(fc.nat({ max: text.length }), { maxLength: 12 }),
      }),
    );
    fc.assert(
      fc.property(cutScene, ({ values, text, cuts }) => {
        const stream = createStreamMasker(values);
        const whole = maskText(text, values);
        const longest = Math.max(0, ...forbidden(values).map((each) => each.length));
        const ends = [...cuts.sort((a, b) => a - b), text.length];
        let output = "";
        let from = 0;
        for (const end of ends) {
          output += stream.push(text.slice(from, end));
          from = end;
          expect(whole.startsWith(output)).toBe(true);
          if (whole === text) expect(output.length).toBeGreaterThan(end - Math.max(1, longest));
        }
        output += stream.end();
        expect(output).toBe(whole);
      }),
      { numRuns: 1000 },
    );
  });

  test("a value is masked at every possible cut, and one character at a time", () => {
    const text = "say hunter2!\nsay hunter2";
    for (let cut = 0; cut <= text.length; cut++) {
      const stream = createStreamMasker(["hunter2"]);
      expect(stream.push(text.slice(0, cut)) + stream.push(text.slice(cut)) + stream.end()).toBe(
        "say ***!\nsay ***",
      );
    }
    const stream = createStreamMasker(["hunter2"]);
    expect([..."a hunt hunter2 hu"].map((char) => stream.push(char))).toEqual([
      ..."a ",
      ...["", "", "", "", "hunt "],
      ...["", "", "", "", "", "", "***"],
      ...[" ", "", ""],
    ]);
    expect(stream.end()).toBe("hu");
  });

  test("holds back only what may become a value, and gives a mask as soon as it is certain", () => {
    const stream = createStreamMasker(["abcdef", "cdefgh", "cdefghij-and-much-more"]);
    expect([
      stream.push("x abc"),
      stream.push("def"),
      stream.push("gh"),
      stream.push("i"),
      stream.end(),
    ]).toEqual(["x ", "***", "", "", "i"]);
  });

  test("is ready for another text after the end", () => {
    const stream = createStreamMasker(["hunter2"]);
    expect([stream.push("hunt"), stream.end(), stream.push("er2 hunter2"), stream.end()]).toEqual([
      "",
      "hunt",
      "er2 ***",
      "",
    ]);
  });

  test("passes everything through when there is nothing to mask", () => {
    const stream = createStreamMasker(["abc"]);
    expect([stream.push("abc"), stream.end()]).toEqual(["abc", ""]);
  });
});

describe("time", () => {
  /** Shortest of a few runs, in milliseconds, because other programs share the processor. */
  function fastest(work: () => void): number {
    let best = Number.POSITIVE_INFINITY;
    for (let run = 0; run < 5; run++) {
      const start = performance.now();
      work();
      best = Math.min(best, performance.now() - start);
    }
    return best;
  }

  test("grows with the text alone, whatever the values are", () => {
    const text = "a".repeat(200_000);
    const simple = createMasker(["another"]);
    const periodic = createMasker([`${"a".repeat(50_000)}b`]);
    const many = createMasker(Array.from({ length: 500 }, (_, index) => `aaa${index}`));
    expect(many(text).length + periodic(text).length).toBe(400_000);
    const reference = Math.max(
      1,
      fastest(() => simple(text)),
    );
    expect(fastest(() => periodic(text)) / reference).toBeLessThan(50);
    expect(fastest(() => many(text)) / reference).toBeLessThan(50);
  });
});
