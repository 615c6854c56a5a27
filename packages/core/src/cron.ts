// Cron expressions: what is wrong with one, in a sentence, and the wall clock times that one names. Which moments those
// are in a time zone is in schedule-times.ts.

import { Cron, CronPattern } from "croner";
import { didYouMean } from "./nearest.ts";
import { quoted } from "./quoted.ts";

const NICKNAMES = ["@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"] as const;

const MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const DAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

interface Field {
  name: string;
  min: number;
  max: number;
  /** Names that stand for numbers from `min` on. */
  names?: readonly string[];
  /** Entries that only this field takes. */
  special?: RegExp;
  /** Says them, for people. */
  specialText?: string;
}

const SECOND: Field = { name: "second", min: 0, max: 59 };
const FIELDS: readonly Field[] = [
  { name: "minute", min: 0, max: 59 },
  { name: "hour", min: 0, max: 23 },
  {
    name: "day of month",
    min: 1,
    max: 31,
    special: /^(\?|L|LW|([1-9]|[12][0-9]|3[01])W)$/,
    specialText: "`L` (the last day), `15W` (the working day nearest to the 15th)",
  },
  { name: "month", min: 1, max: 12, names: MONTHS },
  {
    name: "day of week",
    min: 0,
    max: 7,
    names: DAYS,
    special: /^(\?|([0-7]|SUN|MON|TUE|WED|THU|FRI|SAT)(#([1-5]|L)|L))$/,
    specialText: "`MON#1` (the first Monday), `FRI#L` (the last Friday)",
  },
];

const FIELD_NAMES = FIELDS.map(({ name }) => name).join(", ");

/** What a field takes, for people. */
function takes({ min, max, names, specialText }: Field): string {
  const numbers = `${min} to ${max}`;
  const words = names ? ` or ${names[0]} to ${names.at(-1)}` : "";
  const more = specialText ? `, and ${specialText}` : "";
  return `it takes ${numbers}${words}, \`*\`, lists (\`${min},${min + 4}\`), ranges (\`${min}-${min + 4}\`) and steps (\`*/2\`)${more}`;
}

/** The number that a text of a field stands for; nothing when it stands for none. */
function numberOf(text: string, { min, max, names }: Field): number | undefined {
  const named = names?.indexOf(text) ?? -1;
  if (named >= 0) return named + min;
  if (!/^[0-9]{1,2}$/.test(text)) return undefined;
  const value = Number(text);
  return value >= min && value <= max ? value : undefined;
}

/** What is wrong with one entry of the list that a field is; nothing when it is right. */
function entryProblem(entry: string, field: Field): string | undefined {
  if (field.special?.test(entry)) return undefined;
  const [, range = "", step] = /^([^/]*)(?:\/(.*))?$/s.exec(entry) ?? [];
  if (step !== undefined) {
    if (!/^[0-9]{1,2}$/.test(step) || Number(step) < 1)
      return `has the step ${quoted(step)}, which is no whole number above 0`;
    if (Number(step) > field.max - field.min + 1)
      return `has the step ${step}, which is longer than the field`;
    if (range !== "*" && !range.includes("-"))
      return `has a step after ${quoted(range)}; write \`${range}-${field.max}/${step}\` or \`*/${step}\``;
  }
  if (range === "*") return undefined;
  const [from = "", to, ...rest] = range.split("-");
  const first = numberOf(from, field);
  const last = to === undefined ? first : numberOf(to, field);
  if (first === undefined || last === undefined || rest.length > 0) return `is ${quoted(entry)}`;
  return first > last ? `has the range ${quoted(range)}, which ends before it begins` : undefined;
}

/**
 * What is wrong with a cron expression: a sentence that names the field and what it takes. Nothing when it can be read.
 */
export function cronProblem(text: string): string | undefined {
  const trimmed = text.trim();
  if (trimmed.startsWith("@")) {
    if ((NICKNAMES as readonly string[]).includes(trimmed.toLowerCase())) return undefined;
    const known = NICKNAMES.map(quoted).join(", ");
    return `${quoted(trimmed)} stands for no expression; there are ${known}${didYouMean(trimmed, NICKNAMES)}`;
  }
  const parts = trimmed.split(/\s+/);
  if (parts.length !== 5 && parts.length !== 6) {
    const count = trimmed === "" ? 0 : parts.length;
    return `${quoted(text)} has ${count} ${count === 1 ? "field" : "fields"}; a cron expression has 5 (${FIELD_NAMES}), or 6 with the second first`;
  }
  const fields = parts.length === 6 ? [SECOND, ...FIELDS] : FIELDS;
  for (const [index, field] of fields.entries()) {
    for (const entry of (parts[index] ?? "").toUpperCase().split(",")) {
      const problem = entryProblem(entry, field);
      if (problem)
        return `field ${index + 1} (${field.name}) of ${quoted(trimmed)} ${problem}; ${takes(field)}`;
    }
  }
  try {
    patternOf(trimmed);
    return undefined;
  } catch (error) {
    return `${quoted(trimmed)} cannot be read: ${(error as Error).message.replace(/^CronPattern: /, "")}`;
  }
}

function patternOf(text: string): CronPattern {
  return new CronPattern(text, undefined, { mode: "5-or-6-parts" });
}

/** The times on a wall clock that an expression names. A wall clock time is given as if it were UTC. */
export interface WallTimes {
  /** Whether every hour of the day is named, as by `*`: then it is a beat, and not an appointment. */
  isBeat: boolean;
  /** The first time after `wall`, milliseconds, whole seconds; nothing when there is none in the next 400 years or so. */
  after(wall: number): number | undefined;
}

/** Reads an expression that has no `cronProblem`. */
export function wallTimes(text: string): WallTimes {
  // Without a zone, and never started: it compares fields, and reads no clock.
  const cron = new Cron(text.trim(), { mode: "5-or-6-parts", utcOffset: 0, paused: true });
  return {
    isBeat: patternOf(text.trim()).hour.every((isNamed) => isNamed === 1),
    after: (wall) => cron.nextRun(new Date(wall))?.getTime(),
  };
}
