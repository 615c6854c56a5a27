import { expect, test } from "vitest";
import { SCOPE } from "../testing/conditions.ts";
import { alwaysValue } from "./always.ts";

test.each([
  [`params.NAME == "x" && params.NAME == "y"`, false],
  [`params["NAME"] == "x" && "y" == params.NAME`, false],
  [`params.NAME == "x" && envs.TAG == "y" && params.NAME == "z"`, false],
  [`params.NAME == "x" && (envs.TAG == "y" && params.NAME == "z")`, false],
  [`params.NAME == "x" && params.NAME != "x"`, false],
  [`params.NAME == "x" && !(params.NAME == "x")`, false],
  [`params.NAME in ["x", "y"] && params.NAME == "z"`, false],
  [`params.NAME in ["x", "y"] && params.NAME != "x" && params.NAME != "y"`, false],
  [`params.NAME in ["x", "y"] && !(params.NAME in ["y", "x"])`, false],
  ["params.REPLICAS == 1 && params.REPLICAS == 2.0", false],
  ["params.DRY_RUN == true && params.DRY_RUN == false", false],
  [
    `tasks.build.stage == "FAILED" && tasks.build.stage == "SKIPPED" || envs.TAG == "v" && envs.TAG == "w"`,
    false,
  ],
  [`params.NAME != "x" || params.NAME != "y"`, true],
  [`params.NAME == "x" || envs.TAG == "" || params.NAME != "x"`, true],
  [`params.NAME == "x" && params.NAME == "x"`, undefined],
  ["params.REPLICAS == 1 && params.REPLICAS == 1.0", undefined],
  [`params.NAME == "x" && envs.TAG == "y"`, undefined],
  [`params.NAME == "x" || params.NAME == "y"`, undefined],
  [`params.NAME != "x" && params.NAME != "y"`, undefined],
  [`params.NAME in ["x", "y"] && params.NAME != "x"`, undefined],
  [`params.NAME == "x" && (params.NAME == "y" || envs.TAG == "v")`, undefined],
  [`params.NAME == envs.TAG && params.NAME == "y"`, undefined],
])("%s is always %s", (source, always) => {
  expect(alwaysValue(source, SCOPE)).toBe(always);
});
