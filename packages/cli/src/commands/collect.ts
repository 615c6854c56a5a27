// Options that may be given several times.

import { nearest } from "@mflow/core/nearest";
import { InvalidArgumentError } from "commander";

/** Gathers the values of a repeated option. */
export function collect(value: string, before: string[] | undefined): string[] {
  return [...(before ?? []), value];
}

/** Gathers values, of which each occurrence may name several with commas. */
export function collectList(value: string, before: string[] | undefined): string[] {
  return [...(before ?? []), ...value.split(",").filter((part) => part !== "")];
}

/** A whole number from `least` on. */
export function wholeNumber(least: number): (text: string) => number {
  return (text) => {
    const number = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    if (!(number >= least)) throw new InvalidArgumentError(`It must be a whole number from ${least} on.`);
    return number;
  };
}

/** A priority: a whole number from -1000 to 1000. */
export function priority(text: string): number {
  const number = /^-?\d{1,4}$/.test(text) ? Number(text) : Number.NaN;
  if (!(Math.abs(number) <= 1000))
    throw new InvalidArgumentError("It must be a whole number from -1000 to 1000.");
  return number;
}

/** One of the words, with a guess at what else was meant. */
export function oneOfWords(words: readonly string[]): (text: string) => string {
  return (text) => {
    if (words.includes(text)) return text;
    const guess = nearest(text, words);
    const rest = guess === undefined ? `It is one of ${words.join(", ")}.` : `Did you mean ${guess}?`;
    throw new InvalidArgumentError(rest);
  };
}
