import { expect, test } from "vitest";
import { describeRunnerThatKeepsNothing } from "../keeps-nothing.conformance.ts";
import { RecordingHost } from "../testing/recording-host.ts";
import { startRequest } from "../testing/start-request.ts";
import { createManualRunner } from "./manual-runner.ts";

const AT = "2026-01-01T00:00:00.000Z";

describeRunnerThatKeepsNothing("The MANUAL runner", () => ({
  runner: () => createManualRunner(),
  wanted() {},
  specs: { goesOn: { message: "the ticket is closed" }, refused: { mesage: "typed wrong" } },
}));

test("says what is awaited", async () => {
  const host = new RecordingHost();
  const runner = createManualRunner(() => Date.parse(AT));
  await runner.open(host);
  const request = startRequest({ message: "the ticket is closed" });
  await runner.start(request);
  expect(host.reports).toEqual([
    {
      ...{ taskId: request.taskId, attempt: 1, stage: "ACTIVE", at: AT, startAt: AT },
      message: "the ticket is closed",
    },
  ]);
});
