// The chart as objects of Kubernetes: rendered by the program in render/, which stands in for Helm.

import { execFile, spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { promisify } from "node:util";
import { Compile } from "typebox/schema";
import { parse, parseAllDocuments } from "yaml";

const run = promisify(execFile);
const CHART = join(import.meta.dirname, "..", "helm", "mflow");

/** An object of Kubernetes, as far as the check looks into it. */
export interface KubeObject {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string; uid?: string; [more: string]: unknown };
  [more: string]: unknown;
}

export interface Release {
  name: string;
  namespace: string;
  values?: Record<string, unknown>;
  /** API versions, and kinds of them, that the cluster has. */
  versions?: string[];
  /** What the templates find in the cluster. */
  objects?: KubeObject[];
}

/** Compiles the renderer into the folder; answers the path of the program. */
export async function buildRenderer(folder: string): Promise<string> {
  const program = join(folder, "render");
  const env = {
    ...process.env,
    GO111MODULE: "off",
    GOPATH: "/usr/share/gocode",
    GOCACHE: join(folder, "go"),
  };
  const source = join(import.meta.dirname, "render", "render.go");
  await run("go", ["build", "-o", program, source], { env }).catch((error: Error) => {
    throw new Error(`cannot compile the renderer; run deploy/check/install.sh first: ${error.message}`);
  });
  return program;
}

/** The texts of the templates, by file name; rejects with what the renderer says. */
export async function renderTemplates(renderer: string, release: Release): Promise<Record<string, string>> {
  const child = spawn(renderer, { stdio: ["pipe", "pipe", "pipe"] });
  child.stdin.end(JSON.stringify({ chart: CHART, ...release }));
  const [out, error] = await Promise.all([text(child.stdout), text(child.stderr)]);
  if (error !== "") throw new Error(error);
  return JSON.parse(out) as Record<string, string>;
}

/** The objects that a release is made of. */
export async function renderChart(renderer: string, release: Release): Promise<KubeObject[]> {
  const templates = await renderTemplates(renderer, release);
  return Object.entries(templates)
    .filter(([name]) => name.endsWith(".yaml"))
    .flatMap(([name, source]) =>
      parseAllDocuments(source).flatMap((document) => {
        if (document.errors.length > 0) throw new Error(`${name}: ${document.errors.join("; ")}\n${source}`);
        return (document.toJS() as KubeObject | null) ?? [];
      }),
    );
}

/** What the schema of the values finds wrong, as pointers; Helm refuses such values. */
export async function valueProblems(values: unknown): Promise<string[]> {
  const schema = JSON.parse(await readFile(join(CHART, "values.schema.json"), "utf8"));
  const [, errors] = Compile(schema).Errors(values);
  return errors.map(({ instancePath }) => instancePath);
}

export async function defaultValues(): Promise<Record<string, unknown>> {
  return parse(await readFile(join(CHART, "values.yaml"), "utf8"));
}
