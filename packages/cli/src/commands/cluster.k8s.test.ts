// A real cluster from the command line: of `$KUBECONFIG`, whose credentials must be an admin's, with kubectl. What a
// refused kubeconfig says to do is done, to the letter.

import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { parse, stringify } from "yaml";
import { makeServedWorkplace, SCRIPT, until, type Workplace } from "../testing/command.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const kubeconfig = process.env.KUBECONFIG ?? "";
const namespace = `cli-${randomBytes(5).toString("hex")}`;

let place: Workplace;
beforeAll(async () => {
  place = await makeServedWorkplace();
  shell(`kubectl create namespace ${namespace}`);
});
afterAll(async () => {
  shell(`kubectl delete namespace ${namespace} --wait=false`);
  await place.remove();
});

/** Runs commands as a person pastes them; answers with what they wrote. */
function shell(commands: string, config = kubeconfig): string {
  const text = `mflow() { '${process.execPath}' '${SCRIPT}' "$@"; }\n${commands}`;
  const env = { ...process.env, KUBECONFIG: config };
  const { stdout, stderr, status } = spawnSync("bash", ["-ec", text], {
    cwd: place.path,
    env,
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`${commands}\n${stdout}${stderr}`);
  return stdout;
}

test("an admin's kubeconfig is added and checked", async () => {
  const added = ["cluster", "add", "whole", "--kubeconfig", kubeconfig, "--namespace", namespace];
  expect((await place.mflow(added)).exitCode).toBe(0);
  const { stdout, exitCode } = await place.mflow(["cluster", "check", "whole"]);
  expect([exitCode, stdout.trimEnd().split("\n")]).toEqual([
    0,
    [
      expect.stringMatching(/^cluster whole answers: https:.*, Kubernetes v1\.\d+/),
      `namespace ${namespace}: nothing is missing`,
    ],
  ]);
});

test("the account that a refused kubeconfig says to make is added, checked, and granted what it lacks", async () => {
  const config = parse(readFileSync(kubeconfig, "utf8"));
  const [user] = config.users;
  const [{ context }] = config.contexts;
  config.contexts = [{ name: "mine", context: { ...context, namespace } }];
  await place.write("admin.yaml", stringify(config));
  config.users = [{ name: user.name, user: { exec: { command: "aws" } } }];
  await place.write("exec.yaml", stringify(config));
  const refused = await place.mflow([
    ...["cluster", "add", "small", "--kubeconfig", "exec.yaml", "--context", "mine"],
  ]);
  expect(refused.exitCode).toBe(2);

  const commands = refused.stderr.slice(refused.stderr.indexOf("kubectl"));
  const [making, reading, granting] = [
    commands.slice(0, commands.indexOf("END\nkubectl") + 4),
    commands.slice(commands.indexOf("END\nkubectl") + 4, commands.indexOf("mflow cluster check")),
    commands.slice(commands.indexOf("mflow cluster check")),
  ];
  const admin = `${place.path}/admin.yaml`;
  shell(making, admin);
  await until("token", () => {
    const read = "kubectl --context mine get secret mflow-token -o jsonpath='{.data.token}'";
    return shell(read, admin) || undefined;
  });
  expect(shell(reading, admin)).toContain("cluster small: server=https:");

  const before = await place.mflow(["cluster", "check", "small"]);
  expect([before.exitCode, before.stdout]).toEqual([
    1,
    expect.stringContaining(`namespace ${namespace}: tasks cannot run without these permissions`),
  ]);
  expect(before.stdout).toContain(`system:serviceaccount:${namespace}:mflow`);
  expect(before.stdout).toContain("kind: RoleBinding");
  shell(granting, admin);
  await until("grant", async () => {
    const { stdout, exitCode } = await place.mflow(["cluster", "check", "small"]);
    return exitCode === 0 && stdout.includes(`namespace ${namespace}: nothing is missing`) ? true : undefined;
  });
  const roles = await place.mflow(["cluster", "check", "small", "--role"]);
  expect(roles).toEqual({ stdout: "", stderr: "mflow: nothing is missing in cluster small\n", exitCode: 0 });
});
