import assert from "node:assert/strict";
import { test } from "node:test";
import { countWorkdays } from "../src/workdays.ts";

test("two weeks from Monday to Friday have ten workdays", () => {
  assert.equal(countWorkdays("2026-02-02", "2026-02-13"), 10);
});

test("a weekend has none", () => {
  assert.equal(countWorkdays("2026-02-07", "2026-02-08"), 0);
});

test("both days count", () => {
  assert.equal(countWorkdays("2026-02-06", "2026-02-09"), 2);
});

test("it agrees with counting day by day, over leap years", () => {
  const start = Date.UTC(2023, 11, 28);
  let counted = 0;
  for (let day = 0; day < 1000; day++) {
    const date = new Date(start + day * 24 * 60 * 60 * 1000);
    if (date.getUTCDay() % 6 !== 0) counted++;
    assert.equal(countWorkdays("2023-12-28", date.toISOString().slice(0, 10)), counted);
  }
});

test("what is no day is refused", () => {
  assert.throws(() => countWorkdays("2026-02-30", "2026-03-02"), /"2026-02-30" is no day/);
  assert.throws(() => countWorkdays("2026-03-02", "2026-03-01"), /"2026-03-01" is before "2026-03-02"/);
});
