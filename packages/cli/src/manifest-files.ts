// Manifests from files, folders and stdin, with the place of everything in them: also for what the server finds.

import { createReadStream, type Dirent } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { ErrorDetail } from "@mflow/core/errors";
import { lint } from "@mflow/core/lint";
import { type ParsedDocument, parseManifests } from "@mflow/core/manifest";
import { DEFAULT_SCOPE } from "@mflow/core/schema/scalars";
import { MAX_TEXT_BYTES } from "@mflow/core/yaml-text";
import type { Io } from "./io.ts";
import type { CommandCall } from "./program.ts";
import { UsageError } from "./usage-error.ts";

const MANIFEST_NAME = /\.(ya?ml|json)$/i;

/** In a folder that holds several kinds of things: what is hidden, installed packages, files of npm and TypeScript. */
const NOT_OURS = /^(\.|node_modules$|(package|package-lock|tsconfig)\.json$)/;

const STDIN = "-";
const STDIN_NAME = "<stdin>";

export interface ManifestFiles {
  documents: ParsedDocument[];
  /** Errors of all files, in their order. */
  problems: ErrorDetail[];
}

/** The files that a command was given, by `-f` or as arguments. Throws UsageError when there is none. */
export function filesGiven({ args, options, command }: CommandCall): string[] {
  const [names = []] = args as [string[] | undefined];
  const { file = [] } = options as { file?: string[] };
  if (names.length + file.length > 0) return [...file, ...names];
  throw new UsageError(
    "nothing says which files",
    `Name files or folders, or \`-\` for stdin: mflow ${command.name()} pipelines/`,
  );
}

/** Reads all files, those of folders and their subfolders by name, and `-` as stdin. Throws UsageError when one cannot be read. */
export async function readManifests(io: Io, names: readonly string[]): Promise<ManifestFiles> {
  const found: ManifestFiles = { documents: [], problems: [] };
  for (const name of names) {
    for (const file of await filesOf(io, name)) {
      const { documents, problems } = parseManifests(await bytesOf(io, file), {
        file: file === STDIN ? STDIN_NAME : file,
      });
      found.documents.push(...documents);
      found.problems.push(...problems);
    }
  }
  return found;
}

/** As `readManifests`, but problems are an error that names each, and what else can be told without a server. */
export async function readGoodManifests(io: Io, names: readonly string[]): Promise<ParsedDocument[]> {
  const { documents, problems } = await readManifests(io, names);
  if (problems.length === 0) return documents;
  const findings = lint(documents, { scope: DEFAULT_SCOPE }).filter(
    (finding) => finding.severity === "error",
  );
  throw problemsError([...problems, ...findings]);
}

/** The problems of documents as one error, which lists them. */
export function problemsError(problems: readonly ErrorDetail[]): UsageError {
  const errors = problems.filter((problem) => problem.severity !== "warning").length;
  const files = new Set(problems.map((problem) => problem.file)).size;
  const where = files > 1 ? `${files} files have` : `${problems[0]?.file ?? "the input"} has`;
  return new UsageError(`${where} ${errors === 1 ? "an error" : `${errors} errors`}`, "", problems);
}

async function filesOf(io: Io, name: string): Promise<string[]> {
  if (name === STDIN) return [STDIN];
  const path = resolve(io.cwd, name);
  const isFolder = await stat(path)
    .then((found) => found.isDirectory())
    .catch((error) => {
      throw unreadable(name, error);
    });
  if (!isFolder) return [name];
  const files = await filesIn(io, name);
  if (files.length === 0) {
    throw new UsageError(
      `${name} holds no manifests`,
      "Manifests are files that end in .yaml, .yml or .json.",
    );
  }
  return files;
}

async function filesIn(io: Io, folder: string): Promise<string[]> {
  const entries: Dirent[] = await readdir(resolve(io.cwd, folder), { withFileTypes: true }).catch((error) => {
    throw unreadable(folder, error);
  });
  const files: string[] = [];
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    if (NOT_OURS.test(entry.name)) continue;
    const path = join(folder, entry.name);
    if (entry.isDirectory()) files.push(...(await filesIn(io, path)));
    else if (MANIFEST_NAME.test(entry.name)) files.push(path);
  }
  return files;
}

/** Reads no more than what is refused as too large: a device or a pipe may never end. */
async function bytesOf(io: Io, name: string): Promise<Uint8Array> {
  const stream = name === STDIN ? io.stdin : createReadStream(resolve(io.cwd, name));
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of stream) {
      const buffer = Buffer.from(chunk);
      chunks.push(buffer);
      bytes += buffer.length;
      if (bytes > MAX_TEXT_BYTES) break;
    }
  } catch (error) {
    throw unreadable(name, error as NodeJS.ErrnoException);
  }
  return Buffer.concat(chunks);
}

const WHY: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file or folder",
  EACCES: "permission denied",
  ELOOP: "its symbolic links go in circles",
};

function unreadable(name: string, error: NodeJS.ErrnoException): UsageError {
  return new UsageError(`cannot read ${name}: ${WHY[error.code ?? ""] ?? error.message}`);
}

/**
 * Details of the server, which speaks of `/documents/N/...`, with the place in the files where N came from; those
 * that speak of a spec alone are about `main`.
 */
export function placeInFiles(
  details: readonly ErrorDetail[],
  documents: readonly ParsedDocument[],
  main?: ParsedDocument,
): ErrorDetail[] {
  return details.map((detail) => {
    const [, index, below] = /^\/documents\/(\d+)(.*)$/s.exec(detail.path) ?? [];
    const isSpec = /^\/(spec|metadata)(\/|$)/.test(detail.path);
    const document = index === undefined ? (isSpec ? main : undefined) : documents[Number(index)];
    if (!document || detail.line !== undefined) return detail;
    return { ...detail, file: document.file, ...document.locate(below ?? detail.path) };
  });
}
