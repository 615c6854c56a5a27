// The masked secrets of listeners in a manifest that is sent back: restored from the stored listener of the same place
// that goes to the same target. One with another target gets none, or whoever may change a pipeline could have a
// secret sent to themselves.

import type { ErrorDetail } from "@mflow/core/errors";
import { secretsOfListener } from "@mflow/core/listeners/secrets";
import { MASK } from "@mflow/core/mask";
import { below } from "@mflow/core/pointer";
import type { ImRobot, Listeners, Webhook } from "@mflow/core/schema/listener";

type Service = ImRobot | Webhook;

/** The listeners with masked secrets restored. `problems` gets one entry for each that cannot be. */
export function restoreListeners<T extends Listeners>(
  given: T,
  stored: Listeners | undefined,
  path: string,
  problems: ErrorDetail[],
): T {
  const imRobots = restoreList(given.imRobots, stored?.imRobots, `${path}/imRobots`, problems);
  const webhooks = restoreList(given.webhooks, stored?.webhooks, `${path}/webhooks`, problems);
  if (imRobots === given.imRobots && webhooks === given.webhooks) return given;
  return { ...given, ...(imRobots && { imRobots }), ...(webhooks && { webhooks }) };
}

function restoreList<L extends Service>(
  list: L[] | undefined,
  stored: readonly L[] | undefined,
  path: string,
  problems: ErrorDetail[],
): L[] | undefined {
  const isMasked = (listener: L) => secretsOfListener(listener).some(({ value }) => value === MASK);
  if (!list?.some(isMasked)) return list;
  return list.map((listener, index) => {
    if (!isMasked(listener)) return listener;
    return restoreOne(listener, sameTarget(listener, index, list, stored), below(path, index), problems);
  });
}

function isSameTarget(one: Service, other: Service): boolean {
  return one.url === other.url && one.channel === other.channel;
}

/** Of several stored ones with the same target the one in the same position among them. */
function sameTarget<L extends Service>(
  listener: L,
  index: number,
  list: readonly L[],
  stored: readonly L[] = [],
): L | undefined {
  const position = list.slice(0, index).filter((other) => isSameTarget(listener, other)).length;
  const candidates = stored.filter((other) => isSameTarget(listener, other));
  return candidates[position] ?? candidates.at(-1);
}

function restoreOne<L extends Service>(
  listener: L,
  stored: L | undefined,
  path: string,
  problems: ErrorDetail[],
): L {
  const known = new Map(
    (stored ? secretsOfListener(stored) : []).map(({ key, value }) => [keyOf(key), value]),
  );
  const restored: Partial<ImRobot & Webhook> = structuredClone(listener);
  for (const { key, value } of secretsOfListener(listener)) {
    if (value !== MASK) continue;
    const before = known.get(keyOf(key));
    if (before === undefined) problems.push(missing(key.reduce(below, path), key.at(-1) ?? ""));
    else if (key[0] === "headers") restored.headers = { ...restored.headers, [key[1] ?? ""]: before };
    else restored[key[0] as "secret" | "previousSecret"] = before;
  }
  return restored as L;
}

/** Names of headers are the same in any case. */
function keyOf([kind, name = ""]: string[]): string {
  return `${kind} ${name.toLowerCase()}`;
}

function missing(path: string, name: string): ErrorDetail {
  const message = `\`${MASK}\` stands for the stored \`${name}\` of a listener with this target, but there is none; give the value itself`;
  return { path, message };
}
