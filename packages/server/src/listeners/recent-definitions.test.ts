// Which definitions are kept, and which are read again.

import type { RunDefinition } from "@mflow/core/schema/pipeline-task";
import { expect, test } from "vitest";
import { aDefinition } from "../store/testing/records.ts";
import { recentDefinitions } from "./recent-definitions.ts";

/** Definitions by aggregate, and which were read from the store. */
function stored(definitions: Record<string, RunDefinition>) {
  const reads: string[] = [];
  const definition = async (id: string) => {
    reads.push(id);
    return definitions[id];
  };
  return { definitionOf: recentDefinitions({ definition }), definitions, reads };
}

const ofRun = (): RunDefinition => ({ ...aDefinition(), pipeline: { stages: [] } });
const ofTask = (url: string): RunDefinition => ({
  ...aDefinition(),
  pipeline: undefined,
  task: { name: "build", job: "build", webhooks: [{ url }] },
});

test("a run's definition is read once, until eight others were asked for", async () => {
  const ids = Array.from({ length: 9 }, (_, index) => `run-${index}`);
  const { definitionOf, reads } = stored(Object.fromEntries(ids.map((id) => [id, ofRun()])));
  const first = await definitionOf("run-0");
  expect(await definitionOf("run-0")).toBe(first);
  expect(reads).toEqual(["run-0"]);
  for (const id of ids) await definitionOf(id);
  expect(reads).toEqual(ids);
  await definitionOf("run-0");
  expect(reads).toEqual([...ids, "run-0"]);
});

test("a lone task that was deleted and run anew by the same id is told of where the new one says", async () => {
  const { definitionOf, definitions } = stored({ "task-1": ofTask("https://a.example/old") });
  await definitionOf("task-1");
  definitions["task-1"] = ofTask("https://a.example/new");
  expect(await definitionOf("task-1")).toEqual(ofTask("https://a.example/new"));
  delete definitions["task-1"];
  expect(await definitionOf("task-1")).toBeUndefined();
});
