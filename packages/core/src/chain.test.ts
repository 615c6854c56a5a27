import { describe, expect, test } from "vitest";
import { chainBelow, nextReferences, nextValues, refuseChain } from "./chain.ts";
import type { RunDefinition } from "./schema/pipeline-task.ts";
import { pipelineOf } from "./testing/documents.ts";
import { refusal } from "./testing/play.ts";
import { playPipeline } from "./testing/start.ts";
import { isSealed, seal, unseal } from "./testing/world.ts";

const context = { isSealed, seal, unseal };

describe("a chain", () => {
  test("grows by the full name of the run above", () => {
    const { run } = playPipeline("a");
    expect(chainBelow({ ...run, chain: ["x@n.d"] })).toEqual(["x@n.d", "p@default.default"]);
  });

  test.each([
    [["a", "b"], "a", "CHAIN_CYCLE: pipeline `a` would start itself again: a -> b -> a"],
    [["a", "b"], "b", "CHAIN_CYCLE: pipeline `b` would start itself again: b -> b"],
    [
      ["1", "2", "3", "4", "5", "6", "7", "8"],
      "9",
      "CHAIN_TOO_DEEP: at most 8 pipelines start each other, and `9` would be number 9: 1 -> 2 -> 3 -> 4 -> 5 -> 6 -> 7 -> 8",
    ],
  ])("%j is not followed by %s", (chain, pipeline, error) => {
    expect(refusal(() => refuseChain(chain, pipeline))).toBe(error);
  });

  test("has room for eight", () => {
    expect(refuseChain(["1", "2", "3", "4", "5", "6", "7"], "8")).toBeUndefined();
  });
});

describe("what a run hands to the next one", () => {
  const definition: RunDefinition = {
    ...playPipeline("a").state.definition,
    pipeline: pipelineOf("a", {}, { with: { REGION: "eu", VERSION: "0" } }),
    runParams: [
      { name: "VERSION", value: "1.4" },
      { name: "LOCAL", value: "x", scope: { task: "a" } },
    ],
  };
  const exported = new Map([
    ["IMAGE", "shop:1"],
    ["TOKEN", seal("hunter22")],
  ]);
  const given = (runParams: Record<string, string | number>) =>
    nextValues({ pipeline: "next", runParams }, definition, exported, context).given;

  test("is all that it handed on, sensitive values sealed", () => {
    expect(nextValues({ pipeline: "next" }, definition, exported, context)).toEqual({
      given: [],
      offered: [
        { name: "IMAGE", value: "shop:1" },
        { name: "TOKEN", value: seal("hunter22"), sensitive: true },
      ],
    });
  });

  test.each([
    ["a runtime env", "of ${IMAGE}", { value: "of shop:1" }],
    ["a param of the request over one of the pipeline", "${VERSION} in ${REGION}", { value: "1.4 in eu" }],
    ["a secret", "bot:${TOKEN}", { value: seal("bot:hunter22"), sensitive: true }],
    ["a literal", "$${IMAGE}", { value: "${IMAGE}" }],
    ["a number", 3, { value: 3 }],
  ])("may hold %s", (_what, text, value) => {
    expect(given({ A: text })).toEqual([{ name: "A", ...value }]);
  });

  test("is refused when it asks for what there is not, all of it at once", () => {
    expect(refusal(() => given({ A: "${COMMIT} ${TAG}", B: "${LOCAL}" }))).toBe(
      "INVALID_PARAMS: nextPipeline.runParams asks for what no task put out and no param holds: `${COMMIT}` for A, `${TAG}` for A, `${LOCAL}` for B",
    );
  });

  test("names what it refers to", () => {
    expect(nextReferences({ pipeline: "next", runParams: { A: "${X}$${Y}", B: 1, C: "${Z}" } })).toEqual([
      { param: "A", name: "X" },
      { param: "C", name: "Z" },
    ]);
  });
});
