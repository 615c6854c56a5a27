// The MANUAL runner: executes nothing. Its task is ACTIVE until a status call, from outside by its update token or by an
// operator, ends it. It keeps nothing: that a task waits is told by its row alone.

import { checkedSpec } from "@mflow/core/checked-spec";
import { ManualSpec } from "@mflow/core/schema/chain";
import { type AttemptRef, RetryableStartError, type Runner, type RunnerHost } from "../runner.ts";

export function createManualRunner(now: () => number = Date.now): Runner {
  let host: RunnerHost | undefined;
  return {
    type: "MANUAL",
    async open(given) {
      host = given;
    },
    async start({ taskId, attempt, spec }) {
      if (!host) throw new RetryableStartError("the runner is closed");
      const { message } = checkedSpec(ManualSpec, spec);
      const ref: AttemptRef = { taskId, attempt };
      if (!(await host.isWanted(ref))) return { state: "STOPPED" };
      await host.logs.finish(ref);
      const at = new Date(now()).toISOString();
      const report = { ...ref, stage: "ACTIVE", at, startAt: at } as const;
      await host.report(message === undefined ? report : { ...report, message });
      return { state: "STARTED" };
    },
    // Nothing of it runs.
    stop: async () => "GONE",
    list: async () => [],
    async resume() {},
    async release() {},
    async close() {
      host = undefined;
    },
  };
}
