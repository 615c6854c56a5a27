// The commands for people: users, groups, tokens, and who one is oneself.

import { Argument, type Command, Option } from "commander";
import type { Runs } from "../program.ts";
import { collect } from "./collect.ts";

const ROLE = "role[@namespace[.domain]], e.g. operator@web; the role alone is for all scopes";

export function declareAccountCommands(program: Command, runs: Runs): void {
  program.commandsGroup("People:");

  const user = program.command("user").summary("add, list, remove users and grant them roles");
  const load = () => import("./user.ts");
  runs(
    user
      .command("add")
      .argument("<name>")
      .summary("add a user; the first one becomes admin and gets a token")
      .option("--display-name <name>", "name for people")
      .option("--role <role>", `${ROLE}; may be repeated`, collect)
      .option("--with-token <name>", "also make a token of this name"),
    load,
  );
  runs(user.command("list").summary("list users and their roles"), load);
  runs(user.command("remove").argument("<names...>").summary("remove users"), load);
  runs(
    user
      .command("grant")
      .argument("<name>")
      .argument("[roles...]", ROLE)
      .summary("give a user exactly these roles; none takes all away"),
    load,
  );
  runs(
    user
      .command("address")
      .argument("<name>")
      .argument("<channel>", "a channel of mail or an app")
      .argument("[address]", "mail address, or the platform's id of the user")
      .summary("say where messages reach a user")
      .option("--remove", "they are not reached there any more"),
    load,
  );
  runs(
    user
      .command("language")
      .argument("<name>")
      .addArgument(new Argument("<language>").choices(["en", "zh"]))
      .summary("say in which language messages to a user are"),
    load,
  );

  runs(
    program
      .command("away")
      .summary("say until when you are away and who decides on your behalf")
      .option("--until <time>", "a date, a date and time, or e.g. 5d from now")
      .option("--ask <user>", "who decides on your behalf meanwhile")
      .addOption(new Option("--back", "you are here again").conflicts(["until", "ask"]))
      .option("--user <name>", "not you but this user is away; needs admin"),
    () => import("./away.ts"),
  );

  const group = program.command("group").summary("make, list and remove groups of users");
  const loadGroup = () => import("./group.ts");
  runs(
    group
      .command("set")
      .argument("<name>")
      .argument("<members...>")
      .summary("make a group, or replace its members"),
    loadGroup,
  );
  runs(group.command("list").summary("list groups"), loadGroup);
  runs(group.command("remove").argument("<names...>").summary("remove groups"), loadGroup);

  const token = program.command("token").summary("create, list and revoke tokens");
  const loadToken = () => import("./token.ts");
  runs(
    token
      .command("create")
      .argument("[name]", "what it is for", "cli")
      .summary("make a token and print it, this once")
      .option("--user <name>", "for this user (default: yourself)")
      .option("--expires <duration>", "it ends after this time, e.g. 90d"),
    loadToken,
  );
  runs(token.command("list").summary("list tokens").option("--user <name>", "of this user"), loadToken);
  runs(token.command("revoke").argument("<ids...>").summary("revoke tokens"), loadToken);

  runs(program.command("whoami").summary("say as whom the server knows you"), () => import("./whoami.ts"));
}
