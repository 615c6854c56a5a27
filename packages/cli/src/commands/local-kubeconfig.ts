// A kubeconfig of this machine, made into one that a server can use: of one context alone, with the files that it names
// written into it. A server never reads files or runs programs that a kubeconfig names.

import { readFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { isMap } from "@mflow/core/is-map";
import { parse, stringify } from "yaml";
import { type Context, quote } from "../context.ts";
import { UsageError } from "../usage-error.ts";
import { readInput } from "./read-value.ts";

type Entry = Record<string, unknown>;

/** Keys that name a file, and those that hold what is in it; a token is text, all else base64. */
const FILES: Record<string, string> = {
  "certificate-authority": "certificate-authority-data",
  "client-certificate": "client-certificate-data",
  "client-key": "client-key-data",
  tokenFile: "token",
  "token-file": "token",
};

/**
 * The text to send for the kubeconfig in `file` (`-`: stdin); says on stderr what was written into it. `wanted`: the
 * context, else its current one. Rejects with a UsageError that says what to do instead.
 */
export async function localKubeconfig(
  context: Context,
  file: string,
  wanted: string | undefined,
  cluster: string,
): Promise<string> {
  const config = parsed(await readInput(context, file, "Name a kubeconfig, or - for stdin."), file);
  const name = wanted ?? config["current-context"];
  const contexts = entriesOf(config.contexts);
  const names = contexts.map((entry) => String(entry.name)).join(", ") || "none";
  if (typeof name !== "string" || name === "") {
    throw new UsageError(`${file} has no current context`, `Name one with --context: ${names}.`);
  }
  const chosen = mapOf(contexts, name, "context");
  if (!chosen) throw new UsageError(`${file} has no context \`${name}\``, `It has ${names}.`);
  const server = mapOf(entriesOf(config.clusters), chosen.cluster, "cluster");
  const user = mapOf(entriesOf(config.users), chosen.user, "user");
  if (!server) {
    throw new UsageError(
      `context \`${name}\` of ${file} names no cluster that is there`,
      "Correct it, or name another with --context.",
    );
  }
  refusePrograms(user, { file, name, chosen, server, cluster });

  const folder = file === "-" ? context.io.cwd : dirname(resolve(context.io.cwd, file));
  const written: string[] = [];
  const filled = await withFiles(server, folder, written);
  const account = user && (await withFiles(user, folder, written));
  if (contexts.length > 1) context.note(`of ${file} the context ${name} alone is sent`);
  if (written.length > 0) context.note(`what is in these files is sent along: ${written.join(", ")}`);
  return stringify({
    apiVersion: "v1",
    kind: "Config",
    "current-context": name,
    contexts: [{ name, context: chosen }],
    clusters: [{ name: chosen.cluster, cluster: filled }],
    ...(account && { users: [{ name: chosen.user, user: account }] }),
  });
}

function parsed(text: string, file: string): Entry {
  let config: unknown;
  try {
    config = parse(text, { maxAliasCount: 100 });
  } catch (error) {
    throw new UsageError(`${file} is no YAML: ${(error as Error).message.split("\n")[0]}`);
  }
  if (isMap(config)) return config;
  throw new UsageError(`${file} is no kubeconfig`, "Name a file with `clusters`, `users` and `contexts`.");
}

function entriesOf(list: unknown): Entry[] {
  return Array.isArray(list) ? list.filter(isMap) : [];
}

/** What the entry of a name holds. */
function mapOf(entries: readonly Entry[], name: unknown, kind: string): Entry | undefined {
  const found = entries.find((entry) => entry.name === name)?.[kind];
  return isMap(found) ? found : undefined;
}

/** The entry with what its files hold; their names are added to `written`. */
async function withFiles(entry: Entry, folder: string, written: string[]): Promise<Entry> {
  const filled: Entry = { ...entry };
  for (const [key, dataKey] of Object.entries(FILES)) {
    const file = filled[key];
    delete filled[key];
    if (typeof file !== "string" || file === "") continue;
    const path = resolve(folder, file);
    const bytes = await readFile(path).catch((error: Error) => {
      throw new UsageError(
        `${key} of the kubeconfig names a file that cannot be read: ${error.message}`,
        `Correct it, or put what belongs there into ${dataKey}.`,
      );
    });
    filled[dataKey] = dataKey === "token" ? bytes.toString("utf8").trim() : bytes.toString("base64");
    written.push(join(folder, file) === path ? file : path);
  }
  return filled;
}

interface Chosen {
  file: string;
  name: string;
  chosen: Entry;
  server: Entry;
  /** Name of the cluster in mflow. */
  cluster: string;
}

/** Throws a UsageError with the commands that make an account whose token can be given instead. */
function refusePrograms(user: Entry | undefined, { file, name, chosen, server, cluster }: Chosen): void {
  const key = ["exec", "auth-provider"].find((one) => user?.[one] !== undefined);
  if (key === undefined) return;
  const namespace = typeof chosen.namespace === "string" ? chosen.namespace : "default";
  const kubectl = `kubectl --context ${quote(name)} -n ${quote(namespace)}`;
  const secret = `${kubectl} get secret mflow-token -o`;
  throw new UsageError(
    `context \`${name}\` of ${file} logs in by a program (\`${key}\`), which a server does not run`,
    `Make a service account, and give its token:

${kubectl} create serviceaccount mflow
${kubectl} apply -f - <<'END'
apiVersion: v1
kind: Secret
type: kubernetes.io/service-account-token
metadata:
  name: mflow-token
  annotations: { kubernetes.io/service-account.name: mflow }
END
${secret} jsonpath='{.data.token}' | base64 -d > mflow.token
${secret} jsonpath='{.data.ca\\.crt}' | base64 -d > mflow.ca
mflow cluster add ${cluster} --server ${quote(String(server.server))} \\
  --account-token @mflow.token --ca mflow.ca --namespace ${quote(namespace)}
mflow cluster check ${cluster} --role | kubectl --context ${quote(name)} apply -f -`,
  );
}
