import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Io } from "./io.ts";
import { placeInFiles, readGoodManifests, readManifests } from "./manifest-files.ts";

let cwd: string;
beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), "mflow-manifests-"));
});
afterEach(() => rm(cwd, { recursive: true }));

function io(stdin = ""): Io {
  const stream = new PassThrough();
  stream.end(stdin);
  return {
    script: "mflow",
    env: {},
    cwd,
    stdin: stream as unknown as NodeJS.ReadStream,
    stdout: process.stdout,
    stderr: process.stderr,
  };
}

const job = (name: string) =>
  `kind: Job\nmetadata: { name: ${name} }\nspec: { runnerType: FAKE, runnerSpec: {} }\n`;

async function files(contents: Record<string, string>): Promise<void> {
  for (const [name, text] of Object.entries(contents)) {
    await mkdir(join(cwd, name, ".."), { recursive: true });
    await writeFile(join(cwd, name), text);
  }
}

async function read(names: string[], stdin?: string) {
  const { documents, problems } = await readManifests(io(stdin), names);
  return {
    documents: documents.map(({ file, manifest }) => `${file}: ${manifest.metadata.name}`),
    problems: problems.map(({ file, line }) => `${file}:${line}`),
  };
}

test("folders are read by name with their subfolders, but not what is hidden, installed or of other programs", async () => {
  await files({
    "all/b.yaml": job("b"),
    "all/a/deep.yml": `${job("one")}---\n${job("two")}`,
    "all/c.json": JSON.stringify({
      kind: "Job",
      metadata: { name: "c" },
      spec: { runnerType: "FAKE", runnerSpec: {} },
    }),
    "all/readme.md": "# no manifest",
    "all/.git/x.yaml": "no: manifest",
    "all/node_modules/x.yaml": "no: manifest",
    "all/service/package.json": '{ "name": "service" }',
  });
  expect(await read(["all"])).toEqual({
    documents: ["all/a/deep.yml: one", "all/a/deep.yml: two", "all/b.yaml: b", "all/c.json: c"],
    problems: [],
  });
});

test("a dash is stdin, and problems of all files come together", async () => {
  await files({ "bad.yaml": "kind: Jbo\n", "good.yaml": job("good") });
  expect(await read(["bad.yaml", "good.yaml", "-"], "kind: Pipeline\nmetadata: 1\n")).toEqual({
    documents: ["good.yaml: good"],
    problems: ["bad.yaml:1", "<stdin>:1", "<stdin>:2"],
  });
  await expect(readGoodManifests(io(), ["bad.yaml"])).rejects.toThrow("bad.yaml has an error");
});

test("what cannot be read is named with the reason", async () => {
  await mkdir(join(cwd, "empty"));
  await expect(read(["missing.yaml"])).rejects.toThrow(
    "cannot read missing.yaml: there is no such file or folder",
  );
  await expect(read(["empty"])).rejects.toThrow("empty holds no manifests");
});

test("an endless input is refused, not read", async () => {
  const { problems } = await readManifests(io(), ["/dev/zero"]);
  expect(problems.map((problem) => problem.message)).toEqual([expect.stringContaining("too large")]);
});

test("what the server says of documents gets the place in the files they came from", async () => {
  await files({ "a.yaml": job("a"), "b.yaml": `${job("b")}---\n${job("c")}` });
  const documents = await readGoodManifests(io(), ["a.yaml", "b.yaml"]);
  const details = placeInFiles(
    [
      { path: "/documents/2/metadata/name", message: "is taken" },
      { path: "/spec/runnerType", message: "is not here" },
      { path: "/elsewhere", message: "stays" },
    ],
    documents,
    documents[0],
  );
  expect(details.map(({ file, line, column }) => [file, line, column])).toEqual([
    ["b.yaml", 6, 19],
    ["a.yaml", 3, 21],
    [undefined, undefined, undefined],
  ]);
});
