import { playJob, playPipeline, playRollback } from "@mflow/core/testing/start";
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

test("an attempt is told whether its run is a rollback, whatever a job declares", () => {
  const world = new World();
  const jobs = { noop: { allowRollback: true, runParams: [{ name: "MFLOW_MODE", value: "pretended" }] } };
  const modeOf = (play: ReturnType<typeof playPipeline>) =>
    makeStartRequest(play.task(), play.state.definition, secrets, "http://mflow.test").env.MFLOW_MODE;
  const good = playPipeline("a", { world, jobs });
  good.report("a", "SUCCEEDED");
  const bad = playPipeline("a", { world, jobs });
  bad.report("a", "SUCCEEDED");
  expect([modeOf(good), modeOf(playRollback(bad, [good]))]).toEqual(["RUN", "ROLLBACK"]);
});
