import { playJob } from "@mflow/core/testing/start";
import { World } from "@mflow/core/testing/world";
import { expect, test } from "vitest";
import { makeStartRequest } from "./start-request.ts";

const secrets = {
  unseal: (sealed: string) => sealed,
  updateToken: (taskId: string, attempt: number) => `${taskId}.${attempt}`,
};

test("an attempt gets the feedback of a push back, and no other attempt has any, whatever others set", () => {
  const play = playJob(
    { confirm: { checkers: ["ann"] }, runParams: { MFLOW_FEEDBACK: "pretended" } },
    { runParams: [{ name: "MFLOW_FEEDBACK", value: "declared" }] },
    { world: new World() },
  );
  const feedback = () =>
    makeStartRequest(play.task(), play.state.definition, secrets, "http://mflow.test").env.MFLOW_FEEDBACK;
  const first = feedback();
  play.report("noop", "SUCCEEDED");
  play.pushBack("noop", "noop", "ann", "sharper\nedges");
  const second = feedback();
  play.report("noop", "FAILED");
  play.confirm("noop", "DENY", "ann", "no");
  play.rerun();
  expect([first, second, feedback()]).toEqual([undefined, "sharper\nedges", undefined]);
});
