// Listeners: who hears of what happens to a task or a run (semantics, section 6). Three kinds, written down in this order:
// mention users, IM robots, webhooks.

import type { Static } from "typebox";
import { ParamScope } from "./param.ts";
import { closed, mapOf, Name, oneOf, titled } from "./scalars.ts";
import { Type } from "./type.ts";

/** What listeners can hear of, and what each tells. A stage is that of the task, or of the run for who hears of the run. */
export const LISTENER_EVENTS = {
  SCHEDULING: "The task may run and waits for a free slot.",
  CREATING: "The runner creates the task.",
  ACTIVE: "The task runs; or the run has begun.",
  CANCELING: "It is asked to stop.",
  CANCELED: "It was canceled.",
  FAILED: "It failed.",
  SUCCEEDED: "It succeeded.",
  SKIPPED: "The task is not run.",
  AUDIT_WAITING: "An audit waits for decisions.",
  AUDIT_REMIND: "An audit still waits: those who have not decided are reminded.",
  AUDIT_ESCALATED: "Nobody decided an audit in time: others are asked too.",
  AUDIT_PASS: "An audit is passed.",
  AUDIT_DENY: "An audit is denied.",
  AUDIT_EXPIRED: "Nobody decided an audit in time.",
  AUDIT_CLOSED: "A task ended before its audit was decided.",
  CONFIRM_WAITING: "A result waits for its confirm.",
  CONFIRM_REMIND: "A confirm still waits: those who have not decided are reminded.",
  CONFIRM_ESCALATED: "Nobody decided a confirm in time: others are asked too.",
  CONFIRM_PASS: "A result is confirmed.",
  CONFIRM_DENY: "A result is denied.",
  CONFIRM_EXPIRED: "Nobody decided a confirm in time.",
  CONFIRM_CLOSED: "A task ended before its confirm was decided.",
  CONFIRM_PUSH_BACK: "A result is pushed back: an earlier task runs again.",
} as const;
export type ListenerEvent = keyof typeof LISTENER_EVENTS;

const filters = {
  events: Type.Optional(
    Type.Array(Type.String({ minLength: 1, maxLength: 64 }), {
      maxItems: 64,
      description:
        "The events that it hears of, such as `FAILED` or `AUDIT_WAITING`; case is ignored (default: all).",
    }),
  ),
  scope: Type.Optional(
    titled(
      "Of a pipeline or run request: hears of the stages and tasks that fit instead of the run itself (without it: of " +
        "the run, and of the gates of all its tasks).",
      ParamScope,
    ),
  ),
};

export const Language = oneOf(["en", "zh"], "`en`: English. `zh`: 简体中文.");
export type Language = Static<typeof Language>;

/** A message in a safe template language: Mustache, whose tags name what a message holds and cannot run code. */
export const MessageTemplate = closed(
  {
    title: Type.Optional(
      Type.String({ maxLength: 512, description: "The first line; the subject of a mail." }),
    ),
    text: Type.Optional(
      Type.String({ maxLength: 16384, description: "The text below it, in markdown, instead of the facts." }),
    ),
  },
  {
    description:
      "The message's own words, as Mustache templates over the message, e.g. `{{task.name}} failed`.",
  },
);
export type MessageTemplate = Static<typeof MessageTemplate>;

const wording = {
  template: Type.Optional(MessageTemplate),
  language: Type.Optional(
    titled("Language of the message (default: the user's, else the server's).", Language),
  ),
};

export const MentionWay = oneOf(
  ["MAIL", "IM", "SMS", "VOICE"],
  "`MAIL`; `IM`: an app of Feishu, DingTalk or Slack. `SMS` and `VOICE` are not supported, and recorded so.",
);
export type MentionWay = Static<typeof MentionWay>;

/** People who hear of it personally. */
export const MentionUser = closed(
  {
    users: Type.Array(Type.String({ pattern: "^@?[a-z0-9][a-z0-9._-]*$", maxLength: 64 }), {
      minItems: 1,
      maxItems: 64,
      description: "User names and `@group` names.",
    }),
    ways: Type.Optional(
      Type.Array(MentionWay, {
        minItems: 1,
        maxItems: 4,
        description: "How they are told (default: `MAIL` and `IM`).",
      }),
    ),
    ...filters,
    ...wording,
  },
  { description: "People who hear of it personally." },
);
export type MentionUser = Static<typeof MentionUser>;

export const RobotKind = oneOf(["FEISHU", "DINGTALK", "WECOM", "SLACK"], "The robot's platform.");
export type RobotKind = Static<typeof RobotKind>;

export const HttpUrl = Type.String({ minLength: 1, maxLength: 2048, description: "An http or https URL." });
const Secret = Type.String({
  minLength: 1,
  maxLength: 1024,
  description: "Encrypted at rest, shown as `***`.",
});
/** Headers that somebody adds to a request. */
export const OwnHeaders = mapOf(
  Type.String({
    pattern: "^[A-Za-z0-9!#$%&'*+.^_`|~-]+$",
    maxLength: 128,
    description: "Name of a header.",
  }),
  Type.String({ minLength: 1, maxLength: 4096, description: "Encrypted at rest, shown as `***`." }),
  { maxProperties: 32, description: "Headers of its own." },
);

const channel = Type.Optional(titled("Name of a channel that the server has, instead of `url`.", Name));

/** A group robot of a chat platform. */
export const ImRobot = closed(
  {
    url: Type.Optional(titled("The robot's webhook URL.", HttpUrl)),
    channel,
    kind: Type.Optional(titled("Needed only where the URL does not tell it.", RobotKind)),
    secret: Type.Optional(titled("The robot's signing secret, where it has one.", Secret)),
    ...filters,
    ...wording,
  },
  { description: "A group robot of a chat platform: by `url`, or by `channel`." },
);
export type ImRobot = Static<typeof ImRobot>;

/** A web service that gets a JSON body. */
export const Webhook = closed(
  {
    url: Type.Optional(titled("Where the message is posted to.", HttpUrl)),
    channel,
    secret: Type.Optional(
      titled("Signs the message by Standard Webhooks: `whsec_` and base64, or any text.", Secret),
    ),
    previousSecret: Type.Optional(titled("Signs it too, while receivers learn the new secret.", Secret)),
    headers: Type.Optional(OwnHeaders),
    ...filters,
  },
  { description: "A web service that gets each message as a JSON body." },
);
export type Webhook = Static<typeof Webhook>;

/** More listeners than this on one task are refused. */
export const MAX_LISTENERS = 50;

/** What tasks, pipelines and run requests have in common. */
export const listenerProperties = {
  mentionUsers: Type.Optional(
    Type.Array(MentionUser, { maxItems: MAX_LISTENERS, description: "People who are told personally." }),
  ),
  imRobots: Type.Optional(
    Type.Array(ImRobot, { maxItems: MAX_LISTENERS, description: "Group robots of chat platforms." }),
  ),
  webhooks: Type.Optional(
    Type.Array(Webhook, { maxItems: MAX_LISTENERS, description: "Web services that get a JSON body." }),
  ),
};

/** The listeners of a task, pipeline or run request. */
export interface Listeners {
  mentionUsers?: MentionUser[];
  imRobots?: ImRobot[];
  webhooks?: Webhook[];
}
