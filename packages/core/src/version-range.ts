// Version ranges in references to jobs (`build:^1.2`), as npm reads them, over the versions that jobs have. Apart from
// reference.ts, because it loads a library that only ranges need.

import Range from "semver/classes/range.js";
import SemVer from "semver/classes/semver.js";
import compareBuild from "semver/functions/compare-build.js";
import { MflowError } from "./errors.ts";
import { quoted } from "./quoted.ts";

const numbered = /^[vV]?(\d{1,15})(?:\.(\d{1,15}))?(?:\.(\d{1,15}))?(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$/;
const shorthand = /(^|[\s^~<>=|])[vV](?=\d)/g;

/**
 * A job's version as a range sees it: `v1`, `1.2` and `v1.2.3` are 1.0.0, 1.2.0 and 1.2.3, leading zeros are dropped.
 * Nothing for others, such as `stable` or `2024-01-31`, which no range matches.
 */
function numbersOf(version: string): SemVer | undefined {
  const [, major, minor = "0", patch = "0", pre = "", build = ""] = numbered.exec(version) ?? [];
  if (major === undefined) return undefined;
  try {
    return new SemVer(`${Number(major)}.${Number(minor)}.${Number(patch)}${pre}${build}`);
  } catch {
    return undefined;
  }
}

/** Throws BAD_REQUEST when the text is no range. */
function parseRange(text: string): Range {
  try {
    return new Range(text.replace(shorthand, "$1"));
  } catch {
    const form = "write one like `^1.2`, `~1.2.3`, `1.x` or `>=1.2 <2`";
    throw new MflowError("BAD_REQUEST", `${quoted(text)} is not a version range; ${form}`);
  }
}

/**
 * The versions that a range matches, highest first; of those with equal numbers the one that comes first in `versions`.
 * A pre-release (`1.3.0-rc.1`) matches only a range that names a pre-release of the same numbers. Throws BAD_REQUEST
 * when `range` is none.
 */
export function versionsInRange(range: string, versions: readonly string[]): string[] {
  const wanted = parseRange(range);
  return versions
    .flatMap((version) => {
      const numbers = numbersOf(version);
      return numbers && wanted.test(numbers) ? [{ version, numbers }] : [];
    })
    .sort((a, b) => compareBuild(b.numbers, a.numbers))
    .map(({ version }) => version);
}

/** What is wrong with a range, as a sentence; nothing when it can be read. */
export function rangeProblem(range: string): string | undefined {
  try {
    parseRange(range);
    return undefined;
  } catch (cause) {
    if (!(cause instanceof MflowError)) throw cause;
    return cause.message;
  }
}
