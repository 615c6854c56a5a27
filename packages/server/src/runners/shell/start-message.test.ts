import { expect, test } from "vitest";
import { startRequest } from "../testing/start-request.ts";
import { startMessage } from "./start-message.ts";

const settings = {
  user: { uid: 1000, gid: 1000, name: "ada", home: "/home/ada" },
  otherUser: false,
  path: "/bin",
  graceMs: 1000,
  artifactBytes: 1000,
  limits: { bytesPerTask: 1000, bytesPerSecond: 1000 },
};

test.each([
  ["bash", ["bash", "-eo", "pipefail", "-c"]],
  ["/usr/bin/python3", ["/usr/bin/python3", "-c"]],
  ["bash -c", ["bash", "-c"]],
  ["my-tool", ["my-tool"]],
])("`shell: %s` runs the script as people expect", (shell, words) => {
  const { steps } = startMessage(startRequest({ steps: [{ run: "true", shell }] }), settings);
  expect(steps[0]?.shell).toEqual(words);
});
