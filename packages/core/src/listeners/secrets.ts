// The secrets of listeners: what signs their messages, and the values of their own headers. Sealed in everything that
// is stored, opened when a message is sent.

import type { ImRobot, Listeners, Webhook } from "../schema/listener.ts";

/** A robot or webhook: what can hold a secret. */
type Service = ImRobot & Webhook;

/** The listener with each of its secrets replaced; the same listener when it has none. */
function mapSecrets<L extends ImRobot | Webhook>(listener: L, change: (secret: string) => string): L {
  const { secret, previousSecret, headers }: Partial<Service> = listener;
  if (secret === undefined && previousSecret === undefined && headers === undefined) return listener;
  return {
    ...listener,
    ...(secret !== undefined && { secret: change(secret) }),
    ...(previousSecret !== undefined && { previousSecret: change(previousSecret) }),
    ...(headers !== undefined && {
      headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, change(value)])),
    }),
  };
}

/** Where a robot or webhook holds secrets, as pointers below it, with what stands there. */
export function secretsOfListener(listener: ImRobot | Webhook): { key: string[]; value: string }[] {
  const { secret, previousSecret, headers = {} }: Partial<Service> = listener;
  return [
    ...(secret === undefined ? [] : [{ key: ["secret"], value: secret }]),
    ...(previousSecret === undefined ? [] : [{ key: ["previousSecret"], value: previousSecret }]),
    ...Object.entries(headers).map(([name, value]) => ({ key: ["headers", name], value })),
  ];
}

/** The listeners alone of what has listeners. */
export function listenersOf({ mentionUsers, imRobots, webhooks }: Listeners): Listeners {
  return {
    ...(mentionUsers?.length && { mentionUsers }),
    ...(imRobots?.length && { imRobots }),
    ...(webhooks?.length && { webhooks }),
  };
}

/** What has listeners, with their secrets sealed; the same when there are none. `seal` leaves what is sealed alone. */
export function sealListeners<T extends Listeners>(given: T, seal: (plain: string) => string): T {
  const imRobots = given.imRobots?.map((robot) => mapSecrets(robot, seal));
  const webhooks = given.webhooks?.map((webhook) => mapSecrets(webhook, seal));
  const isSame =
    (imRobots ?? []).every((robot, index) => robot === given.imRobots?.[index]) &&
    (webhooks ?? []).every((webhook, index) => webhook === given.webhooks?.[index]);
  return isSame ? given : { ...given, ...(imRobots && { imRobots }), ...(webhooks && { webhooks }) };
}
