import { describe, expect, test } from "vitest";
import { canonicalJson, contentDigest, type DigestContent, digestOf } from "./digest.ts";
import type { EffectiveParam } from "./schema/param.ts";
import { jobOf } from "./testing/documents.ts";

describe("canonical JSON", () => {
  test.each([
    [{ b: 1, a: { d: [1, { z: 0, y: null }], c: "x" } }, '{"a":{"c":"x","d":[1,{"y":null,"z":0}]},"b":1}'],
    [{ a: undefined, b: true }, '{"b":true}'],
    [[undefined, 1], "[null,1]"],
    ['"quoted"\n', '"\\"quoted\\"\\n"'],
    [undefined, "null"],
  ])("of %j is %s", (value, json) => {
    expect(canonicalJson(value)).toBe(json);
  });
});

test("a digest is the SHA-256 of the canonical JSON in lower-case hex", () => {
  // printf '{"a":1}' | sha256sum
  expect(digestOf({ a: 1 })).toBe("015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862");
});

describe("the digest of what a task runs with", () => {
  const param: EffectiveParam = { name: "V", value: "1", usageType: "ENV", valueType: "TEXT", setBy: "RUN" };
  const content: DigestContent = { job: jobOf("build"), spec: { image: "a" }, params: [param] };
  const reported = { stage: "SUCCEEDED", at: "2026-01-01T00:00:00.000Z" } as const;
  const withResult: DigestContent = { ...content, result: { reported } };

  const same: [string, DigestContent][] = [
    ["which level set a param", { ...content, params: [{ ...param, setBy: "TASK" }] }],
    ["the order of keys in the spec", { ...content, spec: JSON.parse('{"image":"a"}') }],
    ["labels of the job", { ...content, job: { ...content.job, labels: { team: "a" } } }],
  ];
  test.each(same)("does not depend on %s", (_what, other) => {
    expect(contentDigest(other)).toBe(contentDigest(content));
  });

  const different: [string, DigestContent][] = [
    ["job version", { ...content, job: { ...content.job, version: "v2" } }],
    ["job of another namespace", { ...content, job: { ...content.job, namespace: "other" } }],
    ["spec", { ...content, spec: { image: "b" } }],
    ["value", { ...content, params: [{ ...param, value: "2" }] }],
    ["param", { ...content, params: [] }],
    ["usage", { ...content, params: [{ ...param, usageType: "TEMPLATE" }] }],
    ["result", withResult],
    ["stage of the result", { ...content, result: { reported: { ...reported, stage: "FAILED" } } }],
    ["output", { ...content, result: { reported, runtimeEnvs: { A: "1" } } }],
    ["markdown", { ...content, result: { reported, markdownOutput: "# a" } }],
  ];
  test("is another one for each other version, spec, param and result", () => {
    const digests = [content, ...different.map(([, other]) => other)].map(contentDigest);
    expect(new Set(digests).size).toBe(digests.length);
  });
});
