// Patterns of `matches`: RE2's, which take time by the length of the text whatever they are. What still could take long is
// counted repetition within counted repetition, so the size of a pattern is known before it is compiled.

import { RE2JS } from "re2js";
import { quoted } from "../quoted.ts";

/** A compiled pattern. */
export interface Pattern {
  /** Whether it is found anywhere in the text. */
  test(text: string): boolean;
  /** Steps that one character of a text may take. */
  size: number;
}

/** Largest size of all patterns of a condition together; compiling them takes some hundredths of a second. */
export const MAX_PATTERN_SIZE = 2000;

/** A pattern compiled, or what is wrong with it. `budget` is the size that it may have. */
export function compilePattern(source: string, budget: number): Pattern | { problem: string } {
  const size = patternSize(source);
  if (size > budget) {
    const problem = `the patterns of a condition are too large with ${quoted(source)}; repeat less, or write fewer of them`;
    return { problem };
  }
  try {
    const compiled = RE2JS.compile(source);
    return { test: (text) => compiled.test(text), size };
  } catch (error) {
    const why = error instanceof Error ? error.message.replace("error parsing regexp: ", "") : "unreadable";
    return { problem: `the pattern ${quoted(source)} is not one of RE2: ${why}; correct it` };
  }
}

/** How large a pattern becomes when its counted repetitions (`a{3,9}`) are written out. Never less than it is. */
export function patternSize(source: string): number {
  const outer: number[] = [];
  let total = 0;
  let last = 0;
  // An escape, a class, a count, or one character.
  for (const [token, , least, most] of source.matchAll(
    /\\[\s\S]|\[\^?\]?(?:\\[\s\S]|[^\]\\])*\]|(\{([0-9]+)(?:,([0-9]*))?\})|[\s\S]/g,
  )) {
    if (token === "(") {
      outer.push(total);
      total = 0;
      last = 1;
    } else if (token === ")") {
      last = total + 1;
      total = (outer.pop() ?? 0) + last;
    } else if (least !== undefined) {
      const times = Math.max(Number(least), Number(most || 0), 1);
      total += last * (times - 1);
      last *= times;
    } else {
      last = 1;
      total += 1;
    }
  }
  return outer.reduce((sum, part) => sum + part, total);
}
