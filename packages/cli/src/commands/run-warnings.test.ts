// `mflow run` says which values of the request fill no param.

import { afterEach, expect, test } from "vitest";
import { makeServedWorkplace, type Workplace } from "../testing/command.ts";

const FILE = `
kind: Job
metadata: { name: greet }
spec:
  runnerType: FAKE
  runParams: [{ name: NAME, value: world }]
  runnerSpec: {}
---
kind: Pipeline
metadata: { name: greet }
spec:
  stages: [{ name: greet, tasks: [{ name: greet, job: greet }] }]
`;

let place: Workplace;
afterEach(() => place.remove());

test("a value for a param that no task declares is warned of, and the run goes on", async () => {
  place = await makeServedWorkplace({ "greet.yaml": FILE });
  const { stderr, exitCode } = await place.mflow(["run", "-f", "greet.yaml", "-p", "NAEM=Ada"]);
  expect({ stderr, exitCode }).toEqual({
    stderr: "mflow: no task declares the run param NAEM, so it is ignored; did you mean NAME?\n",
    exitCode: 0,
  });
});
