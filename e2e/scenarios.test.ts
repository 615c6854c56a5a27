// Every scenario in scenarios/: NN_name.yaml is played, NN_name.expected.yaml says what must come out.
// `UPDATE_EXPECTED=1 npx vitest run e2e/scenarios.test.ts` writes what came out; read the difference.

import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parse, stringify } from "yaml";
import { playScenario } from "./scenario.ts";

const folder = join(import.meta.dirname, "scenarios");
const files = readdirSync(folder).filter(
  (file) => file.endsWith(".yaml") && !file.endsWith(".expected.yaml"),
);

test.each(files)("scenario %s", async (file) => {
  const outcome = await playScenario(readFileSync(join(folder, file), "utf8"));
  const expectedFile = join(folder, file.replace(/\.yaml$/, ".expected.yaml"));
  if (process.env.UPDATE_EXPECTED) writeFileSync(expectedFile, stringify(outcome, { lineWidth: 110 }));
  expect(existsSync(expectedFile), `${expectedFile} is missing`).toBe(true);
  expect(outcome).toEqual(parse(readFileSync(expectedFile, "utf8")));
});
