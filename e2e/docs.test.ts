// The docs are true: what is generated is up to date, links lead somewhere, manifests are valid, commands and
// routes exist, and what is drawn is what the table says.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { lint } from "@mflow/core/lint";
import { parseManifests } from "@mflow/core/manifest";
import { REASONS } from "@mflow/core/reasons";
import { DEFAULT_SCOPE } from "@mflow/core/schema/scalars";
import { TRANSITIONS } from "@mflow/core/transitions";
import { describe, expect, test } from "vitest";
import { declaredProgram } from "../scripts/docs/program.ts";
import { REFERENCE_FOLDER, referencePages } from "../scripts/docs.ts";
import { anchorsOf, blocksOf, linksOf, markdownFiles, pathInRepository } from "./markdown.ts";
import { mflowCalls, problemOf } from "./shell-commands.ts";

const files = markdownFiles();
const blocks = files.flatMap(blocksOf);

function blocksIn(...languages: string[]) {
  return blocks.filter(({ language }) => languages.includes(language));
}

test("the reference is what `npm run docs` writes now", async () => {
  const written = new Map(
    readdirSync(REFERENCE_FOLDER).map((name) => [name, readFileSync(join(REFERENCE_FOLDER, name), "utf8")]),
  );
  const wanted = await referencePages();
  expect([...written.keys()].sort()).toEqual([...wanted.keys()].sort());
  for (const [name, text] of wanted) expect(written.get(name), `docs/reference/${name}`).toBe(text);
});

test("every link leads to a file of the repository, and to a heading in it", () => {
  const anchors = new Map(files.map((file) => [file.path, anchorsOf(file)]));
  const broken = files.flatMap((file) =>
    linksOf(file)
      .filter(({ file: to, anchor }) => {
        if (!existsSync(pathInRepository(to))) return true;
        return anchor !== undefined && !anchors.get(to)?.has(anchor);
      })
      .map(({ written }) => `${file.path}: ${written}`),
  );
  expect(broken).toEqual([]);
});

test("every page of the docs is reached from the index", () => {
  const reached = new Set(["docs/README.md"]);
  for (const path of reached) {
    const file = files.find((one) => one.path === path);
    for (const { file: to } of file ? linksOf(file) : []) if (to.endsWith(".md")) reached.add(to);
  }
  const lonely = files
    .map(({ path }) => path)
    .filter((path) => path.startsWith("docs/") && !reached.has(path));
  expect(lonely).toEqual([]);
});

test("every manifest in the docs lints clean", () => {
  const manifests = blocksIn("yaml").filter(({ text }) => /^kind:/m.test(text));
  const problems = manifests.flatMap(({ text, place }) => {
    const { documents, problems } = parseManifests(Buffer.from(text), { file: place });
    return [...problems, ...lint(documents, { scope: DEFAULT_SCOPE })];
  });
  // A block may name jobs and pipelines that the page shows elsewhere.
  const isUnknownJob = (path: string, message: string) =>
    /\/(job|pipeline)$/.test(path) && message.includes("not among these documents");
  expect(manifests.length).toBeGreaterThan(10);
  expect(problems.filter(({ path, message }) => !isUnknownJob(path, message))).toEqual([]);
});

describe("shell text in the docs", () => {
  test("calls commands of mflow that exist, with options and arguments that they take", () => {
    const program = declaredProgram();
    const calls = [
      ...blocksIn("sh"),
      ...blocksIn("console").map((block) => ({
        ...block,
        text: block.text.match(/^\$ .*$/gm)?.join("\n") ?? "",
      })),
    ].flatMap(({ text, place }) => mflowCalls(text).map((words) => ({ words, place })));
    const wrong = calls.flatMap(({ words, place }) => {
      const problem = problemOf(program, words);
      return problem ? [`${place}: mflow ${words.join(" ")}: ${problem}`] : [];
    });
    expect(calls.length).toBeGreaterThan(50);
    expect(wrong).toEqual([]);
  });

  test("calls routes that the API has", () => {
    const http = files.find(({ path }) => path === join("docs", "reference", "http.md"))?.text ?? "";
    const routes = [...http.matchAll(/^`[A-Z]+ (\/\S+)`\\$/gm)].map(
      ([, path = ""]) => new RegExp(`^${path.replaceAll(/\{\w+\}/g, "[^/?]+")}$`),
    );
    const called = blocks.flatMap(({ text, place }) =>
      [...text.matchAll(/(?:\$\{?MFLOW_URL\}?|https?:\/\/[\w.:]+)(\/[^\s"'?\\]+)/g)]
        .map(([, path = ""]) => path)
        .filter((path) => path.startsWith("/api/v1/"))
        .map((path) => ({ path, place })),
    );
    expect(called.length).toBeGreaterThan(5);
    expect(called.filter(({ path }) => !routes.some((route) => route.test(path)))).toEqual([]);
  });
});

test("decisions are numbered without a gap, and the index has them in order, by their titles", () => {
  const folder = pathInRepository("docs/decisions");
  const names = readdirSync(folder)
    .filter((name) => name !== "README.md")
    .sort();
  expect(names.map((name) => Number(name.slice(0, 2)))).toEqual(names.map((_, index) => index + 1));
  const lines = names.map((name) => {
    const [title = ""] = readFileSync(join(folder, name), "utf8").split("\n");
    return `- [${title.replace("# ", "")}](${name})`;
  });
  const index = readFileSync(join(folder, "README.md"), "utf8");
  expect(index.split("\n").filter((line) => line.startsWith("- "))).toEqual(lines);
});

test("the picture of a task's stages shows the table of transitions", () => {
  const [picture] = blocksIn("mermaid");
  const drawn = [...(picture?.text ?? "").matchAll(/^ *([A-Z]+) --> ([A-Z]+)/gm)].map(
    ([, from, to]) => `${from} ${to}`,
  );
  // Running a task again, and a push back, begin another attempt; the picture is of one.
  const table = Object.entries(TRANSITIONS).flatMap(([from, causes]) =>
    Object.entries(causes)
      .filter(([cause]) => cause !== "rerun" && cause !== "pushBack")
      .map(([, to]) => `${from} ${to}`),
  );
  expect(drawn.sort()).toEqual([...new Set(table)].sort());
});

test("the layout in the architecture names every folder, and none that is not there", () => {
  const text = files.find(({ path }) => path === join("docs", "architecture.md"))?.text ?? "";
  const named = [...text.matchAll(/^\| (`.*?`) \| (.*) \| .*\|$/gm)].flatMap(
    ([, folders = "", content = ""]) =>
      [...folders.matchAll(/`([^`]+)`/g)].flatMap(([, folder = ""]) => [
        folder,
        ...[...content.matchAll(/`([\w-]+)\/`/g)].map(([, below]) => `${folder} ${below}`),
      ]),
  );
  const isSource = (name: string) => !/^\.|^(node_modules|coverage|packages)$/.test(name);
  const top = foldersIn(".").filter(isSource);
  const sources = foldersIn("packages").map((name) => join("packages", name, "src"));
  const [server = ""] = sources.filter((path) => path.includes("server"));
  const rows = [...top, ...sources.filter((path) => path !== server)];
  rows.push(...foldersIn(server).map((name) => join(server, name)));
  const isTesting = (path: string) => path.split("/").includes("testing");
  const wanted = rows
    .filter((path) => !isTesting(path))
    .flatMap((row) => {
      if (top.includes(row)) return [row];
      const below = readdirSync(pathInRepository(row), { recursive: true, withFileTypes: true });
      const folders = below.filter(
        (each) => each.isDirectory() && !isTesting(join(each.parentPath, each.name)),
      );
      return [row, ...folders.map(({ name }) => `${row} ${name}`)];
    });
  expect([...new Set(named)].sort()).toEqual([...new Set(wanted)].sort());
});

/** Names of the folders directly in a folder of the repository. */
function foldersIn(path: string): string[] {
  const entries = readdirSync(pathInRepository(path), { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
}

test("every reason that the code gives is described, and no other", () => {
  const texts = readdirSync(pathInRepository("packages"), { recursive: true, encoding: "utf8" })
    .filter((name) => /^(core|server)\/src\/.*\.ts$/.test(name) && name !== "core/src/reasons.ts")
    .filter((name) => !/\.test\.ts$|\.conformance\.ts$|\/testing\//.test(name))
    .map((name) => readFileSync(pathInRepository(join("packages", name)), "utf8"));
  const given = texts.flatMap((text) =>
    [...text.matchAll(/\breason(?::| =) "([A-Z_]+)"/g)].map(([, reason = ""]) => reason),
  );
  const unused = Object.keys(REASONS).filter((reason) => !texts.some((text) => text.includes(reason)));
  expect(given.length).toBeGreaterThan(10);
  expect({ undescribed: [...new Set(given)].filter((reason) => !(reason in REASONS)), unused }).toEqual({
    undescribed: [],
    unused: [],
  });
});
