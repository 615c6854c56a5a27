// Which container a terminal opens in, whether it runs, and how a program ended, by tables.

import { MflowError } from "@mflow/core/errors";
import type { KubeContainerState, KubePod } from "@mflow/core/kubernetes/kube-objects";
import { describe, expect, test } from "vitest";
import { execEnd } from "./exec-status.ts";
import { chooseContainer, isRunning } from "./terminal.ts";

function podWith(
  state: KubeContainerState | undefined,
  more: Partial<KubePod> & { phase?: string } = {},
): KubePod {
  const { phase = "Running", ...rest } = more;
  return {
    spec: {
      containers: [{ name: "main", image: "build:1" }, { name: "side" }],
      initContainers: [{ name: "first" }],
    },
    status: { phase, containerStatuses: [{ name: "main", state }] },
    ...rest,
  };
}

function messageOf(call: () => unknown): string {
  try {
    return `no refusal: ${JSON.stringify(call())}`;
  } catch (error) {
    if (!(error instanceof MflowError)) throw error;
    return `${error.code} ${error.message}`;
  }
}

describe("the container of a terminal", () => {
  const pod = podWith({ running: {} });

  test("is the wanted one, else the one that the pod suggests, else the first", () => {
    const suggesting = (name: string): KubePod => ({
      ...pod,
      metadata: { annotations: { "kubectl.kubernetes.io/default-container": name } },
    });
    expect([
      chooseContainer(pod, undefined),
      chooseContainer(pod, "side"),
      chooseContainer(pod, "first"),
      chooseContainer(suggesting("side"), undefined),
      chooseContainer(suggesting("gone"), undefined),
    ]).toEqual(["main", "side", "first", "side", "main"]);
  });

  test("that is not there is refused with those that are", () => {
    expect(messageOf(() => chooseContainer(pod, "mian"))).toBe(
      "NOT_FOUND The pod has no container `mian`; did you mean `main`?; there are `main`, `side`, `first`.",
    );
  });

  test.each<[string, KubePod, boolean]>([
    ["runs", podWith({ running: {} }), true],
    ["ended while others run", podWith({ terminated: { exitCode: 1 } }), false],
    ["ended with its pod", podWith(undefined, { phase: "Failed" }), false],
    [
      "waits to be started again",
      {
        ...podWith(undefined),
        status: {
          phase: "Running",
          containerStatuses: [
            {
              name: "main",
              state: { waiting: { reason: "CrashLoopBackOff" } },
              lastState: { terminated: { exitCode: 1 } },
            },
          ],
        },
      },
      false,
    ],
  ])("that %s is told from one that does not", (_what, given, runs) => {
    expect(isRunning(given, "main")).toBe(runs);
  });

  test.each<[string, KubePod, string]>([
    ["waits", podWith({ waiting: { reason: "PodInitializing" } }, { phase: "Pending" }), "PodInitializing"],
    ["has no node", podWith(undefined, { phase: "Pending", status: {} }), "the pod has no node yet"],
    [
      "has no image",
      podWith({ waiting: { reason: "ErrImagePull", message: "not found" } }, { phase: "Pending" }),
      "container `main`: image `build:1` cannot be pulled: not found",
    ],
  ])("that %s is refused with the reason", (_what, given, why) => {
    expect(messageOf(() => isRunning(given, "main"))).toBe(
      `CONFLICT Container \`main\` does not run yet: ${why}.`,
    );
  });
});

test.each<[string, string, ReturnType<typeof execEnd>]>([
  ["success", '{"metadata":{},"status":"Success"}', { exitCode: 0 }],
  [
    "an exit code",
    '{"status":"Failure","reason":"NonZeroExitCode","details":{"causes":[{"reason":"ExitCode","message":"137"}]}}',
    { exitCode: 137 },
  ],
  [
    "a missing program",
    JSON.stringify({
      status: "Failure",
      reason: "InternalError",
      message:
        'Internal error occurred: error executing command in container: failed to exec in container: failed to start exec "92f9": OCI runtime exec failed: exec failed: unable to start container process: exec: "psql": executable file not found in $PATH: unknown',
    }),
    {
      reason:
        'the container has no program `psql` that it can run (exec: "psql": executable file not found in $PATH)',
      isMissing: true,
    },
  ],
  [
    "another failure",
    '{"status":"Failure","message":"container not running"}',
    { reason: "the program could not be run: container not running" },
  ],
  [
    "no JSON",
    "oops",
    { reason: "the cluster said how the program ended in words that mflow does not know: `oops`" },
  ],
])("the status channel tells of %s", (_what, text, end) => {
  expect(execEnd(text, "psql")).toEqual(end);
});
