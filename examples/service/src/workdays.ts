// Counting the days on which people work.

const DAY_MS = 24 * 60 * 60 * 1000;
const ISO_DAY = /^\d{4}-\d{2}-\d{2}$/;

/** A day such as `2026-02-03`, as the number of days since 1970. Throws RangeError when there is no such day. */
export function dayNumber(day: string): number {
  const time = ISO_DAY.test(day) ? Date.parse(`${day}T00:00:00Z`) : Number.NaN;
  if (Number.isNaN(time) || new Date(time).toISOString().slice(0, 10) !== day) {
    throw new RangeError(`"${day}" is no day; write it like 2026-02-03`);
  }
  return time / DAY_MS;
}

/** How many days from Monday to Friday lie between two days, both included. */
export function countWorkdays(from: string, to: string): number {
  const first = dayNumber(from);
  const last = dayNumber(to);
  if (last < first) throw new RangeError(`"${to}" is before "${from}"`);
  return workdaysUntil(last + 1) - workdaysUntil(first);
}

/** Workdays before a day, counted from Monday, the 5th of January 1970. Whole weeks have five. */
function workdaysUntil(day: number): number {
  const sinceMonday = day - 4;
  const weeks = Math.floor(sinceMonday / 7);
  return weeks * 5 + Math.min(sinceMonday - weeks * 7, 5);
}
