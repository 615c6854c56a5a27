import { describe, expect, test } from "vitest";
import type { PipelineSource } from "../extend-pipeline.ts";
import { lint } from "../lint.ts";
import { parseManifests } from "../manifest.ts";
import { DEFAULT_SCOPE } from "../schema/scalars.ts";
import { pipelineOf } from "../testing/documents.ts";
import type { LintContext } from "./context.ts";

const JOBS = `
kind: Job
metadata: { name: noop }
publish: true
spec: { runnerType: FAKE, runnerSpec: {}, runParams: [{ name: TARGET }] }
---
kind: Job
metadata: { name: image }
publish: true
spec: { runnerType: FAKE, runnerSpec: { runtimeEnvs: { IMAGE: "1" } }, runParams: [{ name: TARGET }] }
---`;

function job(name: string, spec: string): string {
  return `
kind: Job
metadata: { name: ${name} }
publish: true
spec: { runnerType: PIPELINE, runnerSpec: ${spec} }
---`;
}

function pipeline(name: string, task: string, more = ""): string {
  return `
kind: Pipeline
metadata: { name: ${name} }
spec:
  ${more}
  stages: [{ name: s, tasks: [{ name: t, job: ${task} }] }]
---`;
}

/** Findings as `path: message`, of the documents with the jobs that all use. */
function found(text: string, stored?: PipelineSource[]): string[] {
  const { documents, problems } = parseManifests(JOBS + text);
  expect(problems).toEqual([]);
  const context: LintContext = { scope: DEFAULT_SCOPE };
  if (stored) {
    context.findJob = () => undefined;
    context.findPipeline = (ref) => stored.find(({ name }) => ref === `${name}@default.default`);
    context.pipelineNames = stored.map(({ name }) => name);
  }
  return lint(documents, context).map(({ path, message, severity }) => `${severity} ${path}: ${message}`);
}

const stored = (name: string, next?: string): PipelineSource => ({
  name,
  scope: DEFAULT_SCOPE,
  spec: pipelineOf("a", {}, next === undefined ? {} : { nextPipeline: { pipeline: next } }),
});

describe("pipelines that start others", () => {
  test("are fine when the others are there and declare what they get", () => {
    const text = [
      job("run-b", "{ pipeline: b, runParams: { TARGET: x } }"),
      pipeline("a", "run-b"),
      pipeline("d", "image", "nextPipeline: { pipeline: c, runParams: { TARGET: '${IMAGE} $${kept}' } }"),
      pipeline("b", "noop"),
      pipeline("c", "noop"),
    ].join("");
    expect(found(text)).toEqual([]);
  });

  test("may name a pipeline by a param, which nobody can check", () => {
    const text = `
kind: Job
metadata: { name: run-any }
publish: true
spec:
  runnerType: PIPELINE
  runParams: [{ name: WHICH, usageType: TEMPLATE, value: x }]
  runnerSpec: { pipeline: "\${WHICH}" }
---${pipeline("a", "run-any")}`;
    expect(found(text, [])).toEqual([]);
  });

  test("must name pipelines that are there", () => {
    const text =
      job("run-b", "{ pipeline: builts }") + pipeline("a", "run-b", "nextPipeline: { pipeline: 'B!' }");
    expect(found(text, [stored("builds")])).toEqual([
      "error /spec/nextPipeline/pipeline: `B!` is not a reference: the name `B!` is not made of lower-case letters, digits, `_` and `-`, starting with a letter or digit; write `name[@namespace[.domain]]` or `#id`",
      "error /spec/stages/0/tasks/0/job: there is no pipeline `builts` in namespace `default.default`; did you mean `builds`?",
    ]);
  });

  test("that are not among the documents were not checked without a server", () => {
    expect(found(pipeline("a", "noop", "nextPipeline: { pipeline: b }"))).toEqual([
      "warning /spec/nextPipeline/pipeline: pipeline `b` is not among these documents, so whether it exists and which params it takes was not checked",
    ]);
  });

  test("must not start themselves again, through tasks, what follows, and stored ones", () => {
    const text =
      job("run-b", "{ pipeline: b }") +
      pipeline("a", "run-b") +
      pipeline("b", "noop", "nextPipeline: { pipeline: c }");
    expect(found(text, [stored("c", "a")])).toEqual([
      "error /spec/stages/0/tasks/0/job: the pipeline would start itself again: a@default.default -> b@default.default -> c@default.default -> a@default.default; take one of them out of the circle",
      "error /spec/nextPipeline/pipeline: the pipeline would start itself again: b@default.default -> c@default.default -> a@default.default -> b@default.default; take one of them out of the circle",
    ]);
  });

  test("do not care for a circle elsewhere", () => {
    expect(
      found(pipeline("a", "noop", "nextPipeline: { pipeline: b }"), [stored("b", "c"), stored("c", "b")]),
    ).toEqual([]);
  });

  test("are eight at most", () => {
    const chain = (length: number) =>
      Array.from({ length }, (_, n) => stored(`p${n}`, n + 1 < length ? `p${n + 1}` : undefined));
    const text = pipeline("a", "noop", "nextPipeline: { pipeline: p0 }");
    expect(found(text, chain(7))).toEqual([]);
    expect(found(text, chain(8))).toEqual([
      "error /spec/stages: 9 pipelines start each other one after another from `a@default.default` on, and at most 8 may; put the work of some of them into one pipeline",
    ]);
  });

  test("hand on what the other declares, and what somebody can give", () => {
    const text = [
      job("run-b", "{ pipeline: b, runParams: { TARGETS: x } }"),
      pipeline("a", "run-b"),
      pipeline("b", "noop"),
      pipeline("c", "image", "nextPipeline: { pipeline: b, runParams: { COLOR: red, TARGET: '${IMAGES}' } }"),
    ].join("");
    expect(found(text)).toEqual([
      "warning /spec/stages/0/tasks/0/job: no job of pipeline `b` declares a param `TARGETS`, so it is ignored; did you mean `TARGET`?",
      "warning /spec/nextPipeline/runParams/COLOR: no job of pipeline `b` declares a param `COLOR`, so it is ignored; declare it in a job there, or remove it",
      "warning /spec/nextPipeline/runParams/TARGET: nothing here can give `${IMAGES}` a value: no task puts it out, and no job declares it as a param; correct the name, or write `$${IMAGES}`",
    ]);
  });

  test("are looked at as the whole when they extend others, in the file or stored", () => {
    const extending = (name: string, base: string) => `
kind: Pipeline
metadata: { name: ${name} }
spec: { extends: ${base} }
---`;
    const text =
      pipeline("a", "noop", "nextPipeline: { pipeline: b }") +
      extending("b", "base") +
      pipeline("base", "noop", "isTemplate: true\n  nextPipeline: { pipeline: c }");
    const scope = DEFAULT_SCOPE;
    const c: PipelineSource = { name: "c", scope, spec: { extends: "d" } };
    expect(found(text, [c, stored("d", "a")])).toEqual([
      "error /spec/nextPipeline/pipeline: the pipeline would start itself again: a@default.default -> b@default.default -> c@default.default -> a@default.default; take one of them out of the circle",
      "error /spec/extends: in pipeline `base@default.default` at `/spec/nextPipeline/pipeline`: the pipeline would start itself again: b@default.default -> c@default.default -> a@default.default -> b@default.default; take one of them out of the circle",
    ]);
    expect(found(text, [c])).toEqual([
      "error /spec/nextPipeline/pipeline: pipeline `c` cannot be put together: there is no pipeline `d@default.default` to extend; apply it first, or correct the name",
    ]);
  });

  test("do not start a template", () => {
    const text =
      pipeline("a", "noop", "nextPipeline: { pipeline: b }") + pipeline("b", "noop", "isTemplate: true");
    expect(found(text)).toEqual([
      "error /spec/nextPipeline/pipeline: pipeline `b` is a template, which cannot run; name another one",
    ]);
  });
});

test("a MANUAL job needs no `manualUpdateStatus`", () => {
  const text = `
kind: Job
metadata: { name: wait }
spec: { runnerType: MANUAL, runnerSpec: {}, manualUpdateStatus: true }`;
  expect(found(text)).toEqual([
    "warning /spec/manualUpdateStatus: a MANUAL task waits for its status call anyway, so `manualUpdateStatus` has no effect; remove it",
  ]);
});
