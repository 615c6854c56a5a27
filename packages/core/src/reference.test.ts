import { describe, expect, test } from "vitest";
import { MflowError } from "./errors.ts";
import { formatJobRef, formatPipelineRef, mayRefer, parseJobRef, parsePipelineRef } from "./reference.ts";

const scope = { domain: "shop", namespace: "web" };
const pipelineId = `pipeline-${"0".repeat(26)}`;

function messageOf(read: () => unknown): string {
  try {
    read();
  } catch (error) {
    if (error instanceof MflowError && error.code === "BAD_REQUEST") return error.message;
    throw error;
  }
  throw new Error("was accepted");
}

describe("a reference to a job", () => {
  test.each([
    ["build", { name: "build", namespace: "web", domain: "shop", version: "latest" }],
    ["build:v2", { name: "build", namespace: "web", domain: "shop", version: "v2" }],
    ["build@ops", { name: "build", namespace: "ops", domain: "shop", version: "latest" }],
    ["build@ops.core", { name: "build", namespace: "ops", domain: "core", version: "latest" }],
    ["build@ops.core:1.4.0+a", { name: "build", namespace: "ops", domain: "core", version: "1.4.0+a" }],
    ["#job-01hx", { id: "job-01hx" }],
  ])("`%s` takes what it leaves out from the caller's scope", (text, ref) => {
    expect(parseJobRef(text, scope)).toEqual(ref);
  });

  const form = "write `name[@namespace[.domain]][:version]` or `#id`";
  const nameRule = "lower-case letters, digits, `_` and `-`, starting with a letter or digit";
  const versionRule = "letters, digits, `.`, `_`, `+` and `-`, starting with a letter or digit";
  test.each([
    ["", "`` is not a reference: the name is empty"],
    ["Build", `\`Build\` is not a reference: the name \`Build\` is not made of ${nameRule}`],
    ["@ops", "`@ops` is not a reference: the name is empty"],
    ["build@", "`build@` is not a reference: the namespace is empty"],
    ["build@ops.", "`build@ops.` is not a reference: the domain is empty"],
    ["build@a.b.c", `\`build@a.b.c\` is not a reference: the domain \`b.c\` is not made of ${nameRule}`],
    ["build:", "`build:` is not a reference: the version after `:` is empty"],
    [
      "build:v1:v2",
      `\`build:v1:v2\` is not a reference: the version \`v1:v2\` is not made of ${versionRule}`,
    ],
    ["#", "`#` is not a reference: `#` is not followed by an id"],
    ["a".repeat(64), `\`${"a".repeat(60)}...\` is not a reference: the name is longer than 63 characters`],
    [
      `a:${"1".repeat(64)}`,
      `\`a:${"1".repeat(58)}...\` is not a reference: the version is longer than 63 characters`,
    ],
  ])("`%s` is refused with the part that is wrong", (text, message) => {
    expect(messageOf(() => parseJobRef(text, scope))).toBe(`${message}; ${form}`);
  });

  test.each(["build@ops.core:v2", "build@web.shop:latest", "#job-01hx"])(
    "`%s` is written as it was read",
    (text) => {
      expect(formatJobRef(parseJobRef(text, scope))).toBe(text);
    },
  );
});

describe("a reference to a pipeline", () => {
  test.each([
    ["release", { name: "release", namespace: "web", domain: "shop" }],
    ["release@ops.core", { name: "release", namespace: "ops", domain: "core" }],
    [pipelineId, { id: pipelineId }],
    [`#${pipelineId}`, { id: pipelineId }],
    ["pipeline-of-mine", { name: "pipeline-of-mine", namespace: "web", domain: "shop" }],
  ])("`%s` is an id or a name", (text, ref) => {
    expect(parsePipelineRef(text, scope)).toEqual(ref);
  });

  test("has no version", () => {
    expect(messageOf(() => parsePipelineRef("release:v1", scope))).toBe(
      "`release:v1` is not a reference: pipelines have no versions; write `name[@namespace[.domain]]` or `#id`",
    );
  });

  test("is written in its full form", () => {
    expect(formatPipelineRef(parsePipelineRef("release", scope))).toBe("release@web.shop");
    expect(formatPipelineRef(parsePipelineRef(pipelineId, scope))).toBe(`#${pipelineId}`);
  });
});

describe("a job may be referred to", () => {
  const neighbour = { domain: "shop", namespace: "ops" };
  const stranger = { domain: "core", namespace: "web" };
  test.each([
    [undefined, [true, false, false]],
    ["NAMESPACE" as const, [true, false, false]],
    ["DOMAIN" as const, [true, true, false]],
    ["GLOBAL" as const, [true, true, true]],
  ])("with visibility %s from its namespace, its domain, elsewhere: %j", (visibility, expected) => {
    expect([scope, neighbour, stranger].map((from) => mayRefer(visibility, scope, from))).toEqual(expected);
  });
});
