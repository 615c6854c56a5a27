// Whether a kubeconfig that somebody hands in can be used: it must hold everything itself. `exec` plugins and
// `auth-provider`s would run programs of the server's machine, and file paths would read its files.

import { parse } from "yaml";
import type { ErrorDetail } from "../errors.ts";

type Entry = { name?: unknown } & Record<string, unknown>;

/** What in an entry of a kubeconfig would leave the text. */
const REFUSED: Record<"cluster" | "user", Record<string, string>> = {
  cluster: { "certificate-authority": "give `certificate-authority-data`" },
  user: {
    exec: "give a token or a client certificate",
    "auth-provider": "give a token or a client certificate",
    "client-certificate": "give `client-certificate-data`",
    "client-key": "give `client-key-data`",
    tokenFile: "give `token`",
  },
};

/**
 * All that is wrong with a kubeconfig that somebody supplied, with pointers below `path`. Empty: it can be used.
 */
export function kubeconfigProblems(text: string, context: string | undefined, path: string): ErrorDetail[] {
  let config: unknown;
  try {
    config = parse(text, { maxAliasCount: 100 });
  } catch (error) {
    return [{ path, message: `the kubeconfig is no YAML: ${(error as Error).message.split("\n")[0]}` }];
  }
  if (typeof config !== "object" || config === null || Array.isArray(config)) {
    return [{ path, message: "the kubeconfig must be a map with `clusters`, `users` and `contexts`" }];
  }
  const problems: ErrorDetail[] = [];
  const lists = config as Record<string, unknown>;
  for (const [list, kind] of [
    ["clusters", "cluster"],
    ["users", "user"],
  ] as const) {
    for (const entry of entriesOf(lists[list])) {
      const body = entry[kind];
      if (typeof body !== "object" || body === null) continue;
      for (const [key, remedy] of Object.entries(REFUSED[kind])) {
        if (!Object.hasOwn(body, key) || (body as Entry)[key] === undefined || (body as Entry)[key] === "")
          continue;
        const message = `${kind} \`${String(entry.name)}\` has \`${key}\`, which is refused in a kubeconfig that is handed in; ${remedy}`;
        problems.push({ path, message });
      }
    }
  }
  const wanted = context ?? lists["current-context"];
  const known = entriesOf(lists.contexts).map(({ name }) => String(name));
  if (typeof wanted !== "string" || wanted === "") {
    problems.push({ path, message: "the kubeconfig has no `current-context`; add one, or name a `context`" });
  } else if (!known.includes(wanted)) {
    const there =
      known.length > 0 ? `it has ${known.map((name) => `\`${name}\``).join(", ")}` : "it has none";
    problems.push({ path, message: `the kubeconfig has no context \`${wanted}\`; ${there}` });
  } else {
    const inside = entriesOf(lists.contexts).find(({ name }) => name === wanted)?.context as
      | Entry
      | undefined;
    const cluster = entriesOf(lists.clusters).find(({ name }) => name === inside?.cluster);
    const server = (cluster?.cluster as Entry | undefined)?.server;
    if (typeof server !== "string" || URL.parse(server)?.protocol !== "https:") {
      problems.push({ path, message: `context \`${wanted}\` names no cluster with an https \`server\`` });
    }
  }
  return problems;
}

function entriesOf(list: unknown): Entry[] {
  return Array.isArray(list)
    ? list.filter((entry): entry is Entry => typeof entry === "object" && entry !== null)
    : [];
}
