// The SHELL runner with the real supervisor.

import { describeRunner } from "../runner.conformance.ts";
import { ShellPlace } from "./testing/shell-place.ts";

describeRunner("SHELL", async () => {
  const place = new ShellPlace();
  const step = (run: string) => ({ steps: [{ run }] });
  return {
    runner: () => place.runner(),
    durable: true,
    markdown: true,
    specs: {
      succeeds: step("true"),
      fails: step("exit 2"),
      goesOn: step("sleep 1000"),
      ignoresStop: step("trap '' TERM; sleep 1000"),
      logs: step("echo one; echo two"),
      putsOut: step('echo VERSION=1.2 >>"$MFLOW_OUTPUT"; echo "# done" >>"$MFLOW_SUMMARY"'),
      refused: { steps: [] },
    },
    dispose: () => place.dispose(),
  };
});
