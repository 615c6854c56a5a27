// A channel: a way out of the server that is set up once, by an admin, and used by name. Mail and apps exist only so;
// robots and webhooks can also be given by URL in a listener.

import type { Static } from "typebox";
import { HttpUrl, Language, OwnHeaders } from "./listener.ts";
import { closed, Name, oneOf, Timestamp, titled } from "./scalars.ts";
import { Type } from "./type.ts";

export const CHANNEL_KINDS = [
  "WEBHOOK",
  "FEISHU",
  "DINGTALK",
  "WECOM",
  "SLACK",
  "FEISHU_APP",
  "DINGTALK_APP",
  "SLACK_APP",
  "MAIL",
] as const;
export const ChannelKind = oneOf(
  CHANNEL_KINDS,
  "`WEBHOOK`: JSON. `FEISHU`, `DINGTALK`, `WECOM`, `SLACK`: group robots. `..._APP`: an app that writes to people and has buttons. `MAIL`: SMTP.",
);
export type ChannelKind = Static<typeof ChannelKind>;

const Secret = Type.String({
  minLength: 1,
  maxLength: 4096,
  description: "Encrypted at rest, shown as `***`.",
});
const Text = (description: string) => Type.String({ minLength: 1, maxLength: 512, description });

const common = {
  language: Type.Optional(
    titled("Language of its messages (default: the user's, else the server's).", Language),
  ),
};

function robot<const K extends "FEISHU" | "DINGTALK" | "WECOM" | "SLACK">(kind: K, description: string) {
  return closed(
    {
      kind: Type.Literal(kind, { description: "What the channel is." }),
      url: titled("The robot's webhook URL. Encrypted at rest, for it holds the robot's key.", HttpUrl),
      secret: Type.Optional(titled("The robot's signing secret, where it has one.", Secret)),
      ...common,
    },
    { description },
  );
}

export const ChannelSpec = Type.Union(
  [
    closed(
      {
        kind: Type.Literal("WEBHOOK", { description: "What the channel is." }),
        url: titled("Where messages are posted to.", HttpUrl),
        secret: Type.Optional(titled("Signs messages by Standard Webhooks.", Secret)),
        previousSecret: Type.Optional(
          titled("Signs them too, while receivers learn the new secret.", Secret),
        ),
        headers: Type.Optional(OwnHeaders),
      },
      { description: "A web service." },
    ),
    robot("FEISHU", "A group robot of Feishu or Lark."),
    robot("DINGTALK", "A group robot of DingTalk."),
    robot("WECOM", "A group robot of WeCom."),
    robot("SLACK", "An incoming webhook of Slack."),
    closed(
      {
        kind: Type.Literal("FEISHU_APP", { description: "What the channel is." }),
        appId: Text("App ID of the app."),
        appSecret: Secret,
        verificationToken: Type.Optional(titled("Verification Token of its callbacks.", Secret)),
        encryptKey: Type.Optional(titled("Encrypt Key of its callbacks.", Secret)),
        baseUrl: Type.Optional(
          titled("Default `https://open.feishu.cn`; Lark: `https://open.larksuite.com`.", HttpUrl),
        ),
        ...common,
      },
      { description: "An app of Feishu or Lark." },
    ),
    closed(
      {
        kind: Type.Literal("DINGTALK_APP", { description: "What the channel is." }),
        appKey: Text("AppKey (Client ID) of the app."),
        appSecret: Secret,
        robotCode: Type.Optional(Text("robotCode of its robot (default: the AppKey).")),
        cardTemplateId: Type.Optional(
          Text("Template of its interactive cards; without it people get links."),
        ),
        callbackSecret: Type.Optional(
          titled(
            "`apiSecret` that its callback address was registered with; cards with buttons need it.",
            Secret,
          ),
        ),
        callbackRouteKey: Type.Optional(
          Text("`callbackRouteKey` that its callback address was registered with (default: `mflow`)."),
        ),
        baseUrl: Type.Optional(titled("Default `https://api.dingtalk.com`.", HttpUrl)),
        ...common,
      },
      { description: "An app of DingTalk." },
    ),
    closed(
      {
        kind: Type.Literal("SLACK_APP", { description: "What the channel is." }),
        botToken: titled("`xoxb-...`, with the scopes chat:write and im:write.", Secret),
        signingSecret: titled("Signing Secret of the app.", Secret),
        baseUrl: Type.Optional(titled("Default `https://slack.com/api`.", HttpUrl)),
        ...common,
      },
      { description: "An app of Slack." },
    ),
    closed(
      {
        kind: Type.Literal("MAIL", { description: "What the channel is." }),
        host: Text("Name or address of the SMTP server."),
        port: Type.Optional(
          Type.Integer({ minimum: 1, maximum: 65535, description: "Default 587, with `secure` 465." }),
        ),
        secure: Type.Optional(
          Type.Boolean({ description: "TLS from the first byte (default false: STARTTLS)." }),
        ),
        allowPlain: Type.Optional(
          Type.Boolean({ description: "Also send where the server offers no STARTTLS (default false)." }),
        ),
        user: Type.Optional(Text("Name to log in with.")),
        password: Type.Optional(titled("Password to log in with.", Secret)),
        from: Text("Sender, e.g. `mflow <mflow@example.com>`."),
        ...common,
      },
      { description: "Mail by SMTP." },
    ),
  ],
  { description: "How messages get out." },
);
export type ChannelSpec = Static<typeof ChannelSpec>;
export type SpecOf<K extends ChannelKind> = Extract<ChannelSpec, { kind: K }>;

/** A stored channel. In answers secrets, and the URL of a robot, are `***`. */
export const Channel = closed(
  {
    name: titled("By which listeners name it.", Name),
    spec: ChannelSpec,
    createdBy: Type.String({ description: "Who made it." }),
    createdAt: titled("When it was made.", Timestamp),
    updatedAt: titled("When it was last changed.", Timestamp),
    revision: Type.Integer({ description: "Counts the changes; the ETag of the record." }),
  },
  { description: "A way out of the server that listeners use by name." },
);
export type Channel = Static<typeof Channel>;
