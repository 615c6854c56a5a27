// The command as a process, without a server: usage, and what it says when something is missing.

import { afterAll, beforeAll, expect, test } from "vitest";
import { type Ended, makeWorkplace, type Workplace } from "../testing/command.ts";

let place: Workplace;
beforeAll(async () => {
  place = await makeWorkplace();
});
afterAll(() => place.remove());

test.each<[string, string[], Partial<Ended>]>([
  [
    "an unknown command gets the one that was meant",
    ["rnu"],
    { stdout: "", stderr: "mflow: unknown command 'rnu'\n(Did you mean run?)\n", exitCode: 2 },
  ],
  [
    "a command of another system gets the one that does it here",
    ["retry", "run-1"],
    { stdout: "", stderr: "mflow: unknown command 'retry'\nHere it is `mflow rerun`.\n", exitCode: 2 },
  ],
  [
    "what a schedule calls otherwise is named",
    ["schedule", "delete", "nightly"],
    { stdout: "", stderr: "mflow: unknown command 'delete'\nHere it is `mflow delete`.\n", exitCode: 2 },
  ],
  [
    "an unknown option gets the one that was meant",
    ["run", "--dettach"],
    { stdout: "", stderr: "mflow: unknown option '--dettach'\n(Did you mean --detach?)\n", exitCode: 2 },
  ],
  [
    "an unknown kind gets the one that was meant",
    ["get", "rnus"],
    {
      stderr: "mflow: command-argument value 'rnus' is invalid for argument 'kind'. Did you mean runs?\n",
      exitCode: 2,
    },
  ],
  [
    "options that exclude each other are refused",
    ["audit", "task-1", "--pass", "--deny"],
    { stderr: "mflow: option '--pass' cannot be used with option '--deny'\n", exitCode: 2 },
  ],
  [
    "a filter of another kind is refused",
    ["get", "jobs", "--pipeline", "x"],
    { stderr: "mflow: --pipeline does not filter jobs\nIt filters runs.\n", exitCode: 2 },
  ],
  [
    "a missing file is named",
    ["lint", "missing.yaml"],
    { stderr: "mflow: cannot read missing.yaml: there is no such file or folder\n", exitCode: 2 },
  ],
  ...(["lint", "apply", "diff"] as const).flatMap((command): [string, string[], object][] => [
    [
      `${command} takes files as arguments`,
      [command, "missing.yaml"],
      { stderr: expect.stringContaining("cannot read missing.yaml"), exitCode: 2 },
    ],
    [
      `${command} takes files by -f`,
      [command, "-f", "missing.yaml"],
      { stderr: expect.stringContaining("cannot read missing.yaml"), exitCode: 2 },
    ],
    [
      `${command} without files says how to name them`,
      [command],
      {
        stderr: `mflow: nothing says which files\nName files or folders, or \`-\` for stdin: mflow ${command} pipelines/\n`,
        exitCode: 2,
      },
    ],
  ]),
  [
    "a pipeline is no run that can be canceled",
    ["cancel", "release"],
    {
      stderr: expect.stringMatching(/^mflow: `release` is no id of a run or task\n.*--queue release`/),
      exitCode: 2,
    },
  ],
  [
    "nothing to run is said to be missing",
    ["run"],
    { stderr: expect.stringContaining("nothing to run is named"), exitCode: 2 },
  ],
  [
    "a URL that is none is refused",
    ["--url", "http://:x", "whoami"],
    { stderr: expect.stringMatching(/^mflow: `http:\/\/:x` is not a URL\n/), exitCode: 2 },
  ],
  [
    "a server that does not answer is named, with exit code 5",
    ["--url", "http://127.0.0.1:9", "whoami"],
    { stderr: expect.stringMatching(/^mflow: cannot reach http:\/\/127\.0\.0\.1:9/), exitCode: 5 },
  ],
  ["a command alone shows the help of all, with exit code 2", [], { stdout: "", exitCode: 2 }],
  ["asking for help is no mistake", ["run", "--help"], { stderr: "", exitCode: 0 }],
  [
    "the version is known without a server",
    ["version"],
    { stdout: expect.stringMatching(/^mflow \d+\.\d+\.\d+ \(Node v\d/), exitCode: 0 },
  ],
])("%s", async (_name, args, expected) => {
  expect(await place.mflow(args)).toMatchObject(expected);
});

test("where no server was ever started, only what begins something starts one", async () => {
  const { stderr, exitCode } = await place.mflow(["get", "runs"]);
  expect({ lines: stderr.split("\n").length, first: stderr.split("\n")[0], exitCode }).toEqual({
    lines: 3,
    first: `mflow: no server runs on ${place.path}/.mflow`,
    exitCode: 2,
  });
});

test("colors come when they are wanted, never into a pipe by themselves", async () => {
  await place.write("bad.yaml", "kind: Jbo\n");
  const plain = await place.mflow(["lint", "bad.yaml"]);
  const colored = await place.mflow(["lint", "bad.yaml"], { env: { FORCE_COLOR: "1" } });
  const refused = await place.mflow(["lint", "bad.yaml"], { env: { FORCE_COLOR: "1", NO_COLOR: "1" } });
  const escapes = (text: string) => text.includes("\u001b[");
  expect([plain, colored, refused].map(({ stdout }) => escapes(stdout))).toEqual([false, true, false]);
});

test("a reader that stops early ends the command quietly", async () => {
  const running = place.start(["completion", "bash"]);
  running.process.stdout?.destroy();
  expect(await running.ended).toMatchObject({ stderr: "", exitCode: 0 });
});
