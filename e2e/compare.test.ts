// docs/compare.md is true: what it says we have names what shows it, and every scenario that mirrors another system is
// named there.

import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { linksOf, type MarkdownFile, markdownFiles, pathInRepository } from "./markdown.ts";

const PAGE = join("docs", "compare.md");
const SCENARIOS = join("e2e", "scenarios");
const NOT_THERE = "**Not there.**";

function pageOf(): MarkdownFile {
  const page = markdownFiles().find(({ path }) => path === PAGE);
  if (!page) throw new Error(`there is no ${PAGE}`);
  return page;
}

/** The rows of the table of a section, as texts of their cells; a `\|` is no border. */
function rowsOf({ text }: MarkdownFile, section: string): string[][] {
  const [, body = ""] = text.split(`\n## ${section}\n`);
  const lines = (body.split("\n## ")[0] ?? "").split("\n").filter((line) => line.startsWith("|"));
  return lines.slice(2).map((line) =>
    line
      .split(/(?<!\\)\|/)
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

/** Files that a cell names. */
function filesIn(cell: string): string[] {
  return linksOf({ path: PAGE, text: cell }).map(({ file }) => file);
}

const isProof = (file: string) =>
  [SCENARIOS, "examples", join("docs", "how-to")].some((folder) => file.startsWith(`${folder}/`));

describe.each(["Argo Workflows", "GitLab CI"])("of %s", (system) => {
  const rows = rowsOf(pageOf(), system);

  test("each feature that we have names a scenario, an example or a page that shows it", () => {
    const unproven = rows.filter(([, ours = "", proof = ""]) => {
      const files = filesIn(proof);
      return !ours.startsWith(NOT_THERE) && (files.length === 0 || !files.every(isProof));
    });
    expect(rows.length).toBeGreaterThan(30);
    expect(unproven).toEqual([]);
  });

  test("each feature that we have not says so and names nothing", () => {
    const missing = rows.filter(([, ours = ""]) => ours.startsWith(NOT_THERE));
    expect(missing.length).toBeGreaterThan(5);
    expect(missing.filter(([, , proof]) => proof !== "")).toEqual([]);
  });

  test("a scenario has the number that the page gives it, and an expected outcome", () => {
    const named = rows.flatMap(([, , proof = ""]) => [...proof.matchAll(/\[(\d+)\]\(([^)]+)\)/g)]);
    const wrong = named
      .map(([, number, path = ""]) => ({ number, file: join("docs", path) }))
      .filter(
        ({ number, file }) =>
          !file.startsWith(join(SCENARIOS, `${number}_`)) ||
          !existsSync(pathInRepository(file.replace(/\.yaml$/, ".expected.yaml"))),
      );
    expect(named.length).toBeGreaterThan(10);
    expect(wrong).toEqual([]);
  });
});

test("every scenario that mirrors another system is named on the page", () => {
  const named = new Set(linksOf(pageOf()).map(({ file }) => file));
  const mirrors = readdirSync(pathInRepository(SCENARIOS))
    .filter((name) => /_(argo|gitlab)_/.test(name) && !name.endsWith(".expected.yaml"))
    .map((name) => join(SCENARIOS, name));
  expect(mirrors.length).toBeGreaterThan(20);
  expect(mirrors.filter((file) => !named.has(file))).toEqual([]);
});
