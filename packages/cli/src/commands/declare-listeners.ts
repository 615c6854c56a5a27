// The commands for what tells people and systems: channels, and what was delivered through them.

import { CHANNEL_KINDS } from "@mflow/core/schema/channel";
import { DELIVERY_STATES } from "@mflow/core/schema/delivery";
import type { Command } from "commander";
import type { Runs } from "../program.ts";
import { collect, collectList, oneOfWords, wholeNumber } from "./collect.ts";

const VALUE = "a value that begins with @ is read from that file, @- from stdin";

export function declareListenerCommands(program: Command, runs: Runs): void {
  program.commandsGroup("Listeners:");

  const channel = program.command("channel").summary("set up the ways out: mail, apps, robots, webhooks");
  const load = () => import("./channel.ts");
  runs(
    channel
      .command("add")
      .argument("<name>")
      .summary("set up a channel")
      .requiredOption("--kind <kind>", CHANNEL_KINDS.join(", "), oneOfWords(CHANNEL_KINDS))
      .option("--webhook-url <url>", `of a webhook or robot; ${VALUE}`)
      .option("--secret <secret>", `that messages are signed with; ${VALUE}`)
      .option("--set <setting>", "another setting, key=value; may be repeated", collect),
    load,
  );
  runs(
    channel
      .command("set")
      .argument("<name>")
      .argument("<settings...>", `key=value, or key= to take it away; ${VALUE}`)
      .summary("change settings of a channel"),
    load,
  );
  runs(channel.command("list").summary("list channels"), load);
  runs(channel.command("get").argument("<name>").summary("show a channel; its secrets are ***"), load);
  runs(channel.command("delete").argument("<names...>").summary("delete channels"), load);
  runs(
    channel
      .command("test")
      .argument("<name>")
      .summary("send a test message and say how it went")
      .option("--user <name>", "to this user, where it is a channel to people (default: yourself)"),
    load,
  );

  const deliveries = program.command("deliveries").summary("see what was sent to whom, and send again");
  const loadDeliveries = () => import("./deliveries.ts");
  runs(
    deliveries
      .command("list", { isDefault: true })
      .summary("list deliveries, newest first")
      .option("-s, --state <state>", `only in this state: ${DELIVERY_STATES.join(", ")}`, collectList)
      .option("--target <target>", "only to this target")
      .option("--run <id>", "only of this run")
      .option("--task <id>", "only of this task")
      .option("--limit <number>", "how many", wholeNumber(1))
      .option("--cursor <cursor>", "go on where the page before ended")
      .option("-a, --all", "all pages"),
    loadDeliveries,
  );
  runs(
    deliveries.command("get").argument("<id>").summary("show a delivery with all its attempts"),
    loadDeliveries,
  );
  runs(
    deliveries
      .command("resend")
      .argument("[ids...]", "dead deliveries")
      .summary("send dead deliveries again")
      .option("--target <target>", "all dead ones of this target"),
    loadDeliveries,
  );
  runs(
    deliveries.command("targets").summary("list where messages go: what waits, is paused or fails"),
    loadDeliveries,
  );
  runs(
    deliveries.command("pause").argument("<target>").summary("send nothing to a target for now"),
    loadDeliveries,
  );
  runs(
    deliveries.command("resume").argument("<target>").summary("send to a paused target again"),
    loadDeliveries,
  );
}
