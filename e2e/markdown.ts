// The markdown files of the repository as the tests of the docs look at them: fenced blocks, links, headings.

import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { anchorOf } from "../scripts/docs/markdown.ts";

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

export interface MarkdownFile {
  /** From the root of the repository. */
  path: string;
  text: string;
}

export interface Block {
  language: string;
  text: string;
  /** `file:line`, for messages. */
  place: string;
}

/** README.md, docs/ and the page of examples/. */
export function markdownFiles(): MarkdownFile[] {
  const inDocs = readdirSync(join(ROOT, "docs"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".md"))
    .map((name) => join("docs", name));
  const paths = ["README.md", join("examples", "README.md"), ...inDocs.sort()];
  return paths.map((path) => ({ path, text: readFileSync(join(ROOT, path), "utf8") }));
}

export function blocksOf({ path, text }: MarkdownFile): Block[] {
  return [...text.matchAll(/^```(\w*)\n(.*?)^```$/gms)].map(([, language = "", inner = ""], index, all) => {
    const line = text.slice(0, all[index]?.index).split("\n").length;
    return { language, text: inner, place: `${path}:${line}` };
  });
}

function withoutBlocks(text: string): string {
  return text.replaceAll(/^```.*?^```$/gms, "");
}

/** Links to files of the repository, as paths from its root with their anchors. */
export function linksOf({ path, text }: MarkdownFile): { written: string; file: string; anchor?: string }[] {
  return [...withoutBlocks(text).matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, written = ""]) => written)
    .filter((written) => !/^[a-z]+:/.test(written))
    .map((written) => {
      const [to = "", anchor] = written.split("#");
      const file = to === "" ? path : relative(ROOT, join(ROOT, dirname(path), to));
      return anchor === undefined ? { written, file } : { written, file, anchor };
    });
}

export function anchorsOf({ text }: MarkdownFile): Set<string> {
  return new Set(
    [...withoutBlocks(text).matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) => anchorOf(heading)),
  );
}

export function pathInRepository(path: string): string {
  return join(ROOT, path);
}
