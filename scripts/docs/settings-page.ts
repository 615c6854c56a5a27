// The page about the server's settings: its flags from the program, its variables from what its configuration
// really reads.

import { readConfig } from "@mflow/server/index";
import { optionRow, ownOptions } from "./cli-page.ts";
import { code, page, table } from "./markdown.ts";
import { commandsBelow, declaredProgram } from "./program.ts";

/** Variables that are no flag, for they are or hold secrets: everybody on a machine sees the flags of a process. */
const ONLY_VARIABLES: Readonly<Record<string, string>> = {
  MFLOW_SECRET_KEY:
    "the secret that seals sensitive values and signs update tokens, at least 32 characters (default: `secret.key` of the data folder, made at the first start)",
  MFLOW_SECRET_KEY_PREVIOUS: "the one before; what it sealed and signed stays valid while keys are rotated",
  MFLOW_ADMIN_TOKEN:
    "while there are no users: makes the user `admin` with this token ([how](../how-to/users-and-roles.md#in-a-container)); later it is not looked at",
  AWS_ACCESS_KEY_ID: "with `--artifacts-url`: name of the key to the bucket",
  AWS_SECRET_ACCESS_KEY: "the key itself",
  MFLOW_DATABASE_URL:
    "`sqlite` (default): the state is `mflow.db` in the data folder. This version has no other database and refuses a `postgres://` URL",
};

/** The names that the configuration looks for in the environment. */
function variablesRead(): Set<string> {
  const names = new Set<string>();
  const environment = new Proxy<Record<string, string | undefined>>(
    {},
    {
      get(_target, name) {
        if (typeof name === "string") names.add(name);
        return undefined;
      },
    },
  );
  readConfig({}, environment);
  return names;
}

export function settingsPage(): string {
  const program = declaredProgram();
  const server = [...commandsBelow(program)].find(({ name }) => name === "mflow server")?.command;
  if (!server) throw new Error("there is no command `mflow server`");
  const data = program.options.filter((option) => option.long === "--data");
  const flags = [...data, ...ownOptions(server)];
  const read = variablesRead();
  const rows = flags.map((option) => {
    const variable = `MFLOW_${(option.long ?? "").slice(2).replaceAll("-", "_").toUpperCase()}`;
    if (!read.delete(variable)) throw new Error(`${option.long} has no variable ${variable}`);
    const [flag = "", meaning = ""] = optionRow(option);
    return [flag, code(variable), meaning];
  });
  for (const [name, meaning] of Object.entries(ONLY_VARIABLES)) {
    if (!read.delete(name)) throw new Error(`the server does not read ${name}`);
    rows.push(["", code(name), meaning]);
  }
  if (read.size > 0) throw new Error(`the docs do not know ${[...read].join(", ")}`);
  return page(
    "Server settings",
    `A flag of \`mflow server\` counts before its variable, and that before the default. A setting that makes no
sense ends the server at once with [\`BAD_CONFIG\`](errors.md), which names each. Lists are separated by commas in
variables. What to set when: [operate a machine](../how-to/operate.md).`,
    [table(["Flag", "Variable", "Meaning"], rows)],
  );
}
