import { parseManifests } from "@mflow/core/manifest";
import { expect, test } from "vitest";
import { chooseTarget, type Wanted } from "./run-target.ts";

const job = (name: string) => `
kind: Job
metadata: { name: ${name} }
spec: { runnerType: FAKE, runnerSpec: {} }
---`;

const pipeline = (name: string) => `
kind: Pipeline
metadata: { name: ${name} }
spec: { stages: [{ name: s, tasks: [{ name: t, job: build }] }] }
---`;

/** What is chosen, with the name of the document instead of the document. */
function choose(wanted: Wanted, ...texts: string[]) {
  const { documents, problems } = parseManifests(texts.join(""));
  expect(texts.length === 0 ? [] : problems).toEqual([]);
  const target = chooseTarget(wanted, documents);
  return "task" in target ? target : { ...target, document: target.document?.manifest.metadata.name };
}

test("the one pipeline of the files is run", () => {
  expect(choose({}, job("build"), pipeline("release"))).toEqual({ pipeline: "release", document: "release" });
});

test("of several pipelines one has to be named", () => {
  const files = [pipeline("release"), pipeline("nightly")];
  expect(choose({ pipeline: "nightly" }, ...files)).toEqual({ pipeline: "nightly", document: "nightly" });
  expect(() => choose({}, ...files)).toThrow("the files hold 2 pipelines");
});

test("a mistyped name gets the one that was meant", () => {
  expect(() => choose({ pipeline: "relase" }, pipeline("release"))).toThrow(
    "the files hold no pipeline `relase`; did you mean `release`?",
  );
});

test("a file that is named without -f is told so", () => {
  expect(() => choose({ pipeline: "ci/release.yaml" })).toThrow(
    expect.objectContaining({
      message: "`ci/release.yaml` is a file, not a pipeline",
      remedy: "Run it with -f: mflow run -f ci/release.yaml",
    }),
  );
});

test("files with jobs only are laid over a stored pipeline, when one is named", () => {
  expect(choose({ pipeline: "release" }, job("build"))).toEqual({ pipeline: "release", document: undefined });
});

test("a job alone in the files runs alone; of several one has to be named", () => {
  expect(choose({}, job("build"))).toEqual({ document: "build" });
  expect(() => choose({}, job("build"), job("test"))).toThrow("the files hold no pipeline but 2 jobs");
  expect(choose({ job: "test" }, job("build"), job("test"))).toEqual({ job: "test", document: undefined });
});

test("without files the server's pipelines, jobs and tasks are meant", () => {
  expect(choose({ pipeline: "release@web" })).toEqual({ pipeline: "release@web", document: undefined });
  expect(choose({ job: "build:v2" })).toEqual({ job: "build:v2", document: undefined });
  expect(choose({ task: "task-1" })).toEqual({ task: "task-1" });
  expect(() => choose({})).toThrow("nothing to run is named");
  expect(() => choose({ pipeline: "a", job: "b" })).toThrow("exclude each other");
});
