import { expect, test } from "vitest";
import { type Column, tableLines } from "./table.ts";

interface Row {
  name: string;
  stage: string;
  message: string;
}

const columns: Column<Row>[] = [
  { title: "NAME", value: (row) => row.name, shrinksTo: 6 },
  { title: "STAGE", value: (row) => row.stage },
  { title: "MESSAGE", value: (row) => row.message, wide: true, shrinksTo: 10 },
];

const rows: Row[] = [
  { name: "release", stage: "ACTIVE", message: "on its way\nto production" },
  { name: "发布流程", stage: "FAILED", message: "" },
];

test("columns line up also with wide characters, and no line ends in spaces", () => {
  expect(tableLines(columns, rows)).toEqual(["NAME      STAGE", "release   ACTIVE", "发布流程  FAILED"]);
});

test("a wide table has more columns, each value in one line", () => {
  expect(tableLines(columns, rows, { wide: true })).toEqual([
    "NAME      STAGE   MESSAGE",
    "release   ACTIVE  on its way to production",
    "发布流程  FAILED",
  ]);
});

test("a table wider than the terminal gives way where it may", () => {
  expect(tableLines(columns, rows, { wide: true, width: 30 })).toEqual([
    "NAME      STAGE   MESSAGE",
    "release   ACTIVE  on its way …",
    "发布流程  FAILED",
  ]);
  expect(tableLines(columns, rows, { width: 14 })).toEqual([
    "NAME    STAGE",
    "relea…  ACTIVE",
    "发布…   FAILED",
  ]);
});

test("a wide table that no terminal of this width could hold is left whole", () => {
  expect(tableLines(columns, rows, { wide: true, width: 24 })).toEqual([
    "NAME      STAGE   MESSAGE",
    "release   ACTIVE  on its way to production",
    "发布流程  FAILED",
  ]);
});

test("an empty table still names its columns", () => {
  expect(tableLines(columns, [])).toEqual(["NAME  STAGE"]);
});
