// The commands for clusters: where the tasks of K8S_JOB jobs run.

import { type Command, Option } from "commander";
import type { Runs } from "../program.ts";
import { collect } from "./collect.ts";

const VALUE = "a value that begins with @ is read from that file, @- from stdin";

export function declareClusterCommands(program: Command, runs: Runs): void {
  program.commandsGroup("Kubernetes:");

  const cluster = program.command("cluster").summary("set up and check the clusters that tasks run on");
  const load = () => import("./cluster.ts");
  runs(
    cluster
      .command("add")
      .argument("<name>")
      .summary("set up a cluster")
      .option(
        "--kubeconfig <file>",
        "reach it by a kubeconfig, - for stdin; files that it names are sent along",
      )
      .option("--context <name>", "context of the kubeconfig (default: its current one)")
      .addOption(
        new Option("--in-cluster", "reach the one that the server runs in, by its service account").conflicts(
          ["kubeconfig", "server"],
        ),
      )
      .addOption(
        new Option("--server <url>", "reach it at this address, with --account-token").conflicts(
          "kubeconfig",
        ),
      )
      .option("--account-token <token>", `token of a service account; ${VALUE}`)
      .option("--ca <file>", "certificate that signed that of the server")
      .option("--namespace <name>", "namespace there of tasks that name none (default: the kubeconfig's)")
      .option("--allow-namespace <name>", "tasks may name this one too; may be repeated", collect)
      .option(
        "--scope <scope>",
        "only tasks of namespace[.domain] of mflow may use it; may be repeated",
        collect,
      )
      .option("--max-tasks <number>", "tasks there at once (default: 200)")
      .option("--create-rate <number>", "Jobs made per second, at most (default: 50)")
      .option("--set <setting>", "another setting, key=value; may be repeated", collect),
    load,
  );
  runs(
    cluster
      .command("set")
      .argument("<name>")
      .argument("<settings...>", `key=value, or key= to take it away; ${VALUE}`)
      .summary("change settings of a cluster"),
    load,
  );
  runs(
    cluster
      .command("check")
      .argument("<name>")
      .summary("say whether a cluster can be used, and which permissions are missing")
      .option("--namespace <name>", "look at this namespace there too")
      .option("--role", "print the Role that grants what is missing alone, for kubectl apply"),
    load,
  );
  runs(cluster.command("list").summary("list clusters"), load);
  runs(cluster.command("get").argument("<name>").summary("show a cluster; its secrets are ***"), load);
  runs(
    cluster
      .command("delete")
      .argument("<names...>")
      .summary("delete clusters")
      .option("--force", "also while tasks run there, which end then: the cluster is gone for good"),
    load,
  );
}
