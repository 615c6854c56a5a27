// The K8S_JOB runner keeps the contract, on a real cluster.

import { describeRunner } from "../runner.conformance.ts";
import { KubePlace, scriptJob } from "./testing/kube-place.ts";

describeRunner("K8S_JOB", async () => {
  const place = await KubePlace.make();
  const output = "printf 'VERSION=1.2\\n' > /dev/termination-log";
  return {
    runner: () => place.runner(),
    durable: true,
    markdown: false,
    specs: {
      succeeds: scriptJob("true"),
      fails: scriptJob("exit 3"),
      goesOn: scriptJob("trap 'exit 0' TERM; sleep 3600 & wait"),
      ignoresStop: scriptJob("trap '' TERM; sleep 3600", { pod: { terminationGracePeriodSeconds: 600 } }),
      logs: scriptJob("echo one; echo two"),
      putsOut: scriptJob(output),
      refused: scriptJob("true", { container: { image: "" } }),
    },
    dispose: () => place.dispose(),
  };
});
