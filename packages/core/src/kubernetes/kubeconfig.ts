// Whether a kubeconfig that somebody hands in can be used: it must hold everything itself. `exec` plugins and
// `auth-provider`s would run programs of the server's machine, and file paths would read its files. What is used of it is
// what was looked at, and no more: another parser may read the same text otherwise, merge keys for one.

import { parse } from "yaml";
import type { ErrorDetail } from "../errors.ts";
import { isMap } from "../is-map.ts";

type Entry = Record<string, unknown>;
type Kind = "cluster" | "user";

/** What in an entry of a kubeconfig would leave the text. */
const REFUSED: Record<Kind, Record<string, string>> = {
  cluster: { "certificate-authority": "give `certificate-authority-data`" },
  user: {
    exec: "give a token or a client certificate",
    "auth-provider": "give a token or a client certificate",
    "client-certificate": "give `client-certificate-data`",
    "client-key": "give `client-key-data`",
    tokenFile: "give `token`",
    // The client library reads this one too.
    "token-file": "give `token`",
  },
};

/** What in an entry makes a connection, all of it text. */
const TEXTS: Record<Kind, readonly string[]> = {
  cluster: ["server", "certificate-authority-data", "tls-server-name", "proxy-url"],
  user: ["client-certificate-data", "client-key-data", "token", "username", "password", "as"],
};

/** A kubeconfig of one context, with nothing but what a connection needs. */
export interface PlainKubeconfig {
  "current-context": string;
  contexts: { name: string; context: Entry }[];
  clusters: { name: string; cluster: Entry }[];
  users: { name: string; user: Entry }[];
}

/** What can be used of a text, or all that is wrong with it, with pointers below `path`. */
export interface ReadKubeconfig {
  config?: PlainKubeconfig;
  problems: ErrorDetail[];
}

/** All that is wrong with a kubeconfig that somebody supplied. Empty: it can be used. */
export function kubeconfigProblems(text: string, context: string | undefined, path: string): ErrorDetail[] {
  return readKubeconfig(text, context, path).problems;
}

/** Reads a kubeconfig that somebody supplied; `context` names the one to use, else its current one is. */
export function readKubeconfig(text: string, context: string | undefined, path: string): ReadKubeconfig {
  const refused = (message: string): ReadKubeconfig => ({ problems: [{ path, message }] });
  let lists: unknown;
  try {
    lists = parse(text, { maxAliasCount: 100 });
  } catch (error) {
    return refused(`the kubeconfig is no YAML: ${(error as Error).message.split("\n")[0]}`);
  }
  if (!isMap(lists)) return refused("the kubeconfig must be a map with `clusters`, `users` and `contexts`");
  const found = [
    ...entriesOf(lists.clusters).flatMap((entry) => refusedKeys(entry, "cluster")),
    ...entriesOf(lists.users).flatMap((entry) => refusedKeys(entry, "user")),
  ];
  const problems = found.map((message) => ({ path, message }));
  const chosen = chooseContext(lists, context);
  if (typeof chosen === "string") return { problems: [...problems, { path, message: chosen }] };
  for (const message of notTexts(chosen)) problems.push({ path, message });
  return problems.length > 0 ? { problems } : { config: chosen, problems };
}

function entriesOf(list: unknown): Entry[] {
  return Array.isArray(list) ? list.filter(isMap) : [];
}

function refusedKeys(entry: Entry, kind: Kind): string[] {
  const body = entry[kind];
  if (!isMap(body)) return [];
  return Object.entries(REFUSED[kind])
    .filter(([key]) => Object.hasOwn(body, key) && body[key] !== undefined && body[key] !== "")
    .map(
      ([key, remedy]) =>
        `${kind} \`${String(entry.name)}\` has \`${key}\`, which is refused in a kubeconfig that is handed in; ${remedy}`,
    );
}

/** The context that is used, or what is wrong with it. */
function chooseContext(lists: Entry, context: string | undefined): PlainKubeconfig | string {
  const wanted = context ?? lists["current-context"];
  const contexts = entriesOf(lists.contexts);
  if (typeof wanted !== "string" || wanted === "") {
    return "the kubeconfig has no `current-context`; add one, or name a `context`";
  }
  const inside = contexts.find(({ name }) => name === wanted);
  if (!inside) {
    const known = contexts.map(({ name }) => `\`${String(name)}\``).join(", ");
    return `the kubeconfig has no context \`${wanted}\`; it has ${known || "none"}`;
  }
  const { cluster: clusterName, user: userName, namespace } = isMap(inside.context) ? inside.context : {};
  const cluster = bodyOf(lists.clusters, clusterName, "cluster");
  if (!cluster || typeof cluster.server !== "string" || URL.parse(cluster.server)?.protocol !== "https:") {
    return `context \`${wanted}\` names no cluster with an https \`server\``;
  }
  const user = bodyOf(lists.users, userName, "user");
  if (userName !== undefined && userName !== "" && !user) {
    return `context \`${wanted}\` names user \`${String(userName)}\`, who is not there`;
  }
  const names = {
    cluster: String(clusterName),
    ...(user && { user: String(userName) }),
    ...(typeof namespace === "string" && namespace !== "" && { namespace }),
  };
  return {
    "current-context": wanted,
    contexts: [{ name: wanted, context: names }],
    clusters: [{ name: names.cluster, cluster: pick(cluster, "cluster") }],
    users: user ? [{ name: String(userName), user: pick(user, "user") }] : [],
  };
}

function bodyOf(list: unknown, name: unknown, kind: Kind): Entry | undefined {
  const body = entriesOf(list).find((entry) => entry.name === name)?.[kind];
  return isMap(body) ? body : undefined;
}

function pick(body: Entry, kind: Kind): Entry {
  const picked: Entry = {};
  for (const key of TEXTS[kind]) {
    const value = Object.hasOwn(body, key) ? body[key] : undefined;
    if (value !== undefined && value !== null && value !== "") picked[key] = value;
  }
  if (kind === "cluster" && body["insecure-skip-tls-verify"] === true)
    picked["insecure-skip-tls-verify"] = true;
  return picked;
}

function notTexts({ clusters, users }: PlainKubeconfig): string[] {
  const all = [
    ...clusters.map(({ name, cluster }) => ({ of: `cluster \`${name}\``, body: cluster })),
    ...users.map(({ name, user }) => ({ of: `user \`${name}\``, body: user })),
  ];
  return all.flatMap(({ of, body }) =>
    Object.entries(body)
      .filter(([key, value]) => key !== "insecure-skip-tls-verify" && typeof value !== "string")
      .map(([key]) => `\`${key}\` of ${of} is no text; put it in quotes`),
  );
}

/** What in a kubeconfig no log may show: tokens, passwords and private keys. Nothing of a text that is no kubeconfig. */
export function credentialsIn(text: string): string[] {
  let lists: unknown;
  try {
    lists = parse(text, { maxAliasCount: 100 });
  } catch {
    return [];
  }
  const users = isMap(lists) ? entriesOf(lists.users).map(({ user }) => (isMap(user) ? user : {})) : [];
  return users
    .flatMap((user) => [user.token, user.password, user["client-key-data"]])
    .filter((value) => typeof value === "string" && value !== "") as string[];
}
