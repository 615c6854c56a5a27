// Rules on where robots and webhooks are: one target that makes sense, and the secrets that it can use.

import { ROBOT_HOSTS, robotKindOfUrl } from "../listeners/robot-kind.ts";
import { didYouMean } from "../nearest.ts";
import { below } from "../pointer.ts";
import { alternatives, quoted } from "../quoted.ts";
import type { ImRobot, RobotKind, Webhook } from "../schema/listener.ts";
import type { LintContext } from "./context.ts";
import { error, type Finding, warning } from "./finding.ts";
import { isPrivateHost } from "./private-address.ts";

const ROBOT_KINDS: readonly string[] = ["FEISHU", "DINGTALK", "WECOM", "SLACK"] satisfies RobotKind[];
/** Platforms whose robots sign nothing: their documentation knows no secret besides the URL. */
const UNSIGNED: readonly RobotKind[] = ["WECOM", "SLACK"];

/** What mflow, or HTTP itself, says in these headers. */
const OWN_HEADERS = [
  ...["content-type", "content-length", "host", "connection", "keep-alive", "transfer-encoding", "upgrade"],
  ...["webhook-id", "webhook-timestamp", "webhook-signature"],
];

type Target = Pick<ImRobot & Webhook, "url" | "channel">;
type Targets = Pick<LintContext, "channels" | "allowsTarget">;

/** What is wrong with a robot's target, kind and secret. */
export function* robotRules(robot: ImRobot, path: string, context: Targets): Generator<Finding> {
  const { kind, secret, channel, url } = robot;
  yield* targetRules(robot, path, ROBOT_KINDS, context);
  if (channel !== undefined) {
    yield* ownOfChannel(robot, ["kind", "secret"], path);
    return;
  }
  if (url === undefined || !URL.canParse(url)) return;
  const told = robotKindOfUrl(url);
  if (kind === undefined && told === undefined) {
    const hosts = Object.keys(ROBOT_HOSTS).join(", ");
    const message = `the URL does not tell whose robot it is (known hosts: ${hosts}); say it in \`kind\``;
    yield error(`${path}/url`, `${message}: ${alternatives(ROBOT_KINDS.map(quoted))}`);
  }
  if (kind !== undefined && told !== undefined && kind !== told) {
    yield error(
      `${path}/kind`,
      `\`kind\` is \`${kind}\`, but the URL is that of \`${told}\`; remove \`kind\``,
    );
  }
  yield warning(
    `${path}/url`,
    "whoever may read the pipeline sees this URL, with which anybody can write to the group; " +
      "store it as a channel (`mflow channel add`) and name that in `channel`",
  );
  const platform = kind ?? told;
  if (secret !== undefined && platform !== undefined && UNSIGNED.includes(platform)) {
    yield error(`${path}/secret`, `robots of \`${platform}\` have no signing secret; remove \`secret\``);
  }
}

/** What is wrong with a webhook's target, secrets and headers. */
export function* webhookRules(webhook: Webhook, path: string, context: Targets): Generator<Finding> {
  const { secret, previousSecret, headers = {} } = webhook;
  yield* targetRules(webhook, path, ["WEBHOOK"], context);
  if (webhook.channel !== undefined) {
    yield* ownOfChannel(webhook, ["secret", "previousSecret", "headers"], path);
    return;
  }
  if (previousSecret !== undefined && secret === undefined) {
    const message =
      "`previousSecret` is for the time in which `secret` is new; give the secret itself in `secret`";
    yield error(`${path}/previousSecret`, message);
  }
  for (const key of ["secret", "previousSecret"] as const) {
    const value = webhook[key];
    if (
      value?.startsWith("whsec_") &&
      !/^whsec_(?:[A-Za-z0-9+/]{4})+(?:[A-Za-z0-9+/]{2,3}={0,2})?$/.test(value)
    ) {
      yield error(`${path}/${key}`, "after `whsec_` comes base64, which this is not; copy the secret again");
    }
  }
  for (const [name, value] of Object.entries(headers))
    yield* headerRules(name, value, below(`${path}/headers`, name));
}

function* headerRules(name: string, value: string, path: string): Generator<Finding> {
  if (OWN_HEADERS.includes(name.toLowerCase())) {
    yield { ...error(path, `mflow itself sets the header ${quoted(name)}; remove it`), atKey: true };
  }
  // RFC 9110, section 5.5: visible characters, blanks and tabs; no line breaks.
  if (/[^\t\x20-\x7e\x80-\xff]/.test(value)) {
    yield error(path, `the value of the header ${quoted(name)} has a character that no header can have`);
  }
}

/** A listener says by `url` or by `channel` where it is, and so that something can be sent there. */
function* targetRules(
  { url, channel }: Target,
  path: string,
  kinds: readonly string[],
  context: Targets,
): Generator<Finding> {
  if (url === undefined && channel === undefined) {
    yield error(path, "nothing says where the messages go; give `url` or `channel`");
  }
  if (url !== undefined && channel !== undefined) {
    yield error(`${path}/channel`, "messages go to one place; give either `url` or `channel`");
  }
  if (url !== undefined) yield* urlRules(url, `${path}/url`, context);
  if (channel === undefined || !context.channels) return;
  const kind = context.channels.get(channel);
  if (kind === undefined) {
    const remedy =
      didYouMean(channel, context.channels.keys()) || "; add it first (`mflow channel`), or correct the name";
    yield error(`${path}/channel`, `the server has no channel ${quoted(channel)}${remedy}`);
  } else if (!kinds.includes(kind)) {
    const wanted = alternatives(kinds.map(quoted));
    yield error(`${path}/channel`, `channel ${quoted(channel)} is of \`${kind}\`; here it must be ${wanted}`);
  }
}

/** What is wrong with where messages are posted to. */
export function* urlRules(url: string, path: string, context: Targets = {}): Generator<Finding> {
  const parsed = URL.parse(url);
  if (!parsed) {
    yield error(path, `${quoted(url)} is not a URL; write it whole, e.g. \`https://example.com/hook\``);
  } else if (parsed.protocol !== "https:" && parsed.protocol !== "http:") {
    yield error(path, `messages go by http and https alone, not by ${quoted(parsed.protocol.slice(0, -1))}`);
  } else if (parsed.username !== "" || parsed.password !== "") {
    yield error(path, "a URL with a user and a password in it shows them; give them in `headers` instead");
  } else if (isPrivateHost(parsed.hostname) && !context.allowsTarget?.(parsed.hostname)) {
    const message = `${quoted(parsed.hostname)} is in the server's own network`;
    const remedy = `--allow-target ${parsed.hostname.replace(/^\[|\]$/g, "")}`;
    yield warning(path, `${message}, where it sends nothing unless it is started with \`${remedy}\``);
  }
}

/** What a channel says itself is not said beside it. */
function* ownOfChannel<T extends object>(
  listener: T,
  keys: (keyof T & string)[],
  path: string,
): Generator<Finding> {
  for (const key of keys) {
    if (listener[key] === undefined) continue;
    yield { ...error(`${path}/${key}`, `the channel has its own \`${key}\`; remove it here`), atKey: true };
  }
}
