// Settings of a cluster as the command line has them: `key=value` by the names of its spec, such as
// `workspace.size=5Gi` and `allowedNamespaces=ci,web`.

import type { ClusterSpec } from "@mflow/core/schema/cluster";
import { parse } from "yaml";
import type { Context } from "../context.ts";
import { UsageError } from "../usage-error.ts";
import { localKubeconfig } from "./local-kubeconfig.ts";
import { readValue, splitSetting } from "./read-value.ts";

type Settings = Record<string, unknown>;

/** A space at which no line ends. */
export const NO_BREAK = "\u00a0";

/** Settings that are no text. What does not parse stays text: the server says what is wrong with it. */
const TYPED: Record<string, (text: string) => unknown> = {
  inCluster: (text) => ({ true: true, false: false })[text] ?? text,
  maxTasks: numberOrText,
  createRate: numberOrText,
  allowedNamespaces: (text) => text.split(","),
  scopes: (text) => text.split(",").map(parseScope),
  "workspace.template": (text) => parse(text),
};

/**
 * The settings with each `key=value` laid over them; `key=` takes one away. A kubeconfig is one of this machine, made
 * into one for the server. Rejects with a UsageError.
 */
export async function withClusterSettings(
  context: Context,
  before: ClusterSpec,
  given: readonly string[],
  name: string,
): Promise<ClusterSpec> {
  const settings: Settings = structuredClone(before);
  const pairs = given.map((setting) => splitSetting(setting, "maxTasks=50"));
  for (const [key, text] of pairs) {
    if (key === "kubeconfig" && text !== "") {
      const wanted = pairs.find(([other]) => other === "context")?.[1] || undefined;
      settings.kubeconfig = await localKubeconfig(context, fileOf(text), wanted, name);
      delete settings.context;
      continue;
    }
    // The kubeconfig that is sent has this one context.
    if (key === "context" && pairs.some(([other, file]) => other === "kubeconfig" && file !== "")) continue;
    setIn(settings, key, await readValue(context, text));
  }
  return settings as ClusterSpec;
}

function fileOf(text: string): string {
  if (text.startsWith("@")) return text.slice(1);
  throw new UsageError(
    "a kubeconfig is given by its file",
    "Write kubeconfig=@FILE, or kubeconfig=@- for stdin.",
  );
}

function setIn(settings: Settings, key: string, text: string): void {
  const [, part] = /^workspace\.(.+)$/.exec(key) ?? [];
  const place = part === undefined ? settings : { ...(settings.workspace as Settings | undefined) };
  const name = part ?? key;
  if (text === "") delete place[name];
  else place[name] = (TYPED[key] ?? ((value: string) => value))(text);
  if (part === undefined) return;
  if (Object.keys(place).length > 0) settings.workspace = place;
  else delete settings.workspace;
}

function numberOrText(text: string): unknown {
  return /^\d{1,9}$/.test(text) ? Number(text) : text;
}

/** `web` or `web.corp`: namespace and domain of mflow; what is left out is every one. */
function parseScope(text: string): { domain: string; namespace: string } {
  const [namespace = "*", domain = "*", ...rest] = text.split(".");
  if (rest.length === 0 && namespace !== "" && domain !== "") return { domain, namespace };
  throw new UsageError(`\`${text}\` is no scope`, "Write namespace[.domain], e.g. web or *.corp.");
}

/** The settings on one line, as they can be given; of a text of several lines, such as a certificate, how many. */
export function settingsText(spec: ClusterSpec): string {
  const { scopes, allowedNamespaces, workspace, ...rest } = spec;
  const pairs = Object.entries(rest).map(([key, value]) => [key, String(value)]);
  if (allowedNamespaces) pairs.push(["allowedNamespaces", allowedNamespaces.join(",")]);
  if (scopes) pairs.push(["scopes", scopes.map(scopeText).join(",")]);
  for (const [key, value] of Object.entries(workspace ?? {})) {
    pairs.push([`workspace.${key}`, typeof value === "string" ? value : JSON.stringify(value)]);
  }
  return pairs.map(([key, value = ""]) => `${key}=${shortValue(value)}`).join(" ");
}

function shortValue(value: string): string {
  const lines = value.trimEnd().split("\n").length;
  return lines === 1 ? value.trimEnd() : `(${lines}${NO_BREAK}lines)`;
}

function scopeText({ domain, namespace }: { domain: string; namespace: string }): string {
  return domain === "*" ? namespace : `${namespace}.${domain}`;
}
