// Callbacks of Slack: buttons (`block_actions`) and the dialog that asks why (`view_submission`). By the public
// documentation "Verifying requests from Slack", "Handling user interaction" and "Modals" of docs.slack.dev.

import { createHmac } from "node:crypto";
import type { SpecOf } from "@mflow/core/schema/channel";
import type { Language } from "@mflow/core/schema/listener";
import { apiUrl } from "../app-call.ts";
import { type ButtonValue, readButtonValue } from "../card-value.ts";
import type { HttpSender } from "../channel.ts";
import { SLACK_BASE_URL } from "../slack-app.ts";
import { slackAppBlocks } from "../slack-app-blocks.ts";
import { slackFallback } from "../slack-blocks.ts";
import {
  type CallbackAnswer,
  type CallbackPlatform,
  MAX_AGE_MS,
  type Press,
  type Told,
  type VerifiedCallback,
} from "./callback.ts";
import { objectAt, parseObject, textAt } from "./callback-body.ts";
import { demandEqual, demandFresh, header } from "./genuine.ts";

type Settings = SpecOf<"SLACK_APP">;

/** Name of the dialog, and of its one field: block and action. */
const DIALOG = "mflow_deny";
const COMMENT = "comment";
/** Nothing is decided. */
const IGNORED: VerifiedCallback = { kind: "ANSWER", answer: {} };

export const slackCallbacks: CallbackPlatform<Settings> = {
  verify(settings, request) {
    const time = header(request, "x-slack-request-timestamp");
    const signature = header(request, "x-slack-signature");
    const hmac = createHmac("sha256", settings.signingSecret).update(`v0:${time}:`).update(request.body);
    demandEqual(signature, `v0=${hmac.digest("hex")}`, "signature");
    const atMs = Number(time) * 1000;
    demandFresh(atMs, request.now);
    const payload = parseObject(new URLSearchParams(request.body.toString("utf8")).get("payload") ?? "");
    const stamp = { nonce: signature, until: atMs + MAX_AGE_MS };
    if (payload.type === "block_actions") return pressed(settings, payload, stamp);
    if (payload.type === "view_submission") return submitted(payload, stamp);
    return IGNORED;
  },
};

interface Stamp {
  nonce: string;
  until: number;
}

/** A button of a card: a pass is decided at once, a denial needs words first. */
function pressed(settings: Settings, payload: Record<string, unknown>, stamp: Stamp): VerifiedCallback {
  const [action] = Array.isArray(payload.actions) ? (payload.actions as Record<string, unknown>[]) : [];
  const claimed = readJson(textAt(action ?? {}, "value"));
  if (!claimed) return IGNORED;
  const responseUrl = textAt(payload, "response_url");
  const trigger = textAt(payload, "trigger_id");
  const answers = {
    tell: (told: Told): CallbackAnswer => ({
      follow: async (http, signal) => {
        await replaceCard(http, signal, responseUrl, told);
        if (!told.isDone) await whisper(http, signal, responseUrl, told.sentence);
      },
    }),
    ...(claimed.verdict === "DENY" && {
      ask: (language: Language): CallbackAnswer => ({
        follow: (http, signal) =>
          openDialog(http, signal, settings, language, { claimed, responseUrl, trigger }),
      }),
    }),
  };
  return { kind: "PRESS", ...stamp, press: pressOf(claimed, payload), answers };
}

/** The dialog: what it is about came with it from us, in `private_metadata`, which Slack alone can bring back. */
function submitted(payload: Record<string, unknown>, stamp: Stamp): VerifiedCallback {
  const view = objectAt(payload, "view");
  const metadata = textAt(view, "private_metadata");
  if (view.callback_id !== DIALOG || metadata === undefined) return IGNORED;
  const about = parseObject(metadata);
  const claimed = readButtonValue(about.claimed);
  if (!claimed) return IGNORED;
  const responseUrl = textAt(about, "responseUrl");
  const field = objectAt(objectAt(objectAt(objectAt(view, "state"), "values"), COMMENT), COMMENT);
  const answers = {
    tell: (told: Told): CallbackAnswer => ({
      ...(!told.isDone && { body: { response_action: "errors", errors: { [COMMENT]: told.sentence } } }),
      follow: (http, signal) => replaceCard(http, signal, responseUrl, told),
    }),
  };
  return { kind: "PRESS", ...stamp, press: pressOf(claimed, payload, textAt(field, "value")), answers };
}

function pressOf(claimed: ButtonValue, payload: Record<string, unknown>, comment?: string): Press {
  const userId = textAt(objectAt(payload, "user"), "id");
  const { delivery, verdict } = claimed;
  return {
    ...{ delivery, verdict, claimed, userIds: userId === undefined ? [] : [userId] },
    ...(comment !== undefined && { comment }),
  };
}

function readJson(text: string | undefined): ButtonValue | undefined {
  try {
    return readButtonValue(JSON.parse(text ?? ""));
  } catch {
    return undefined;
  }
}

const WORDS: Readonly<
  Record<Language, { title: string; why: string; submit: string; close: string; failed: string }>
> = {
  en: {
    title: "Deny",
    why: "Why?",
    submit: "Deny",
    close: "Cancel",
    failed: "The dialog could not be opened.",
  },
  zh: { title: "拒绝", why: "原因", submit: "拒绝", close: "取消", failed: "无法打开对话框。" },
};

interface About {
  claimed: ButtonValue;
  responseUrl: string | undefined;
  trigger: string | undefined;
}

async function openDialog(
  http: HttpSender,
  signal: AbortSignal,
  settings: Settings,
  language: Language,
  { claimed, responseUrl, trigger }: About,
): Promise<void> {
  const words = WORDS[language];
  const plain = (text: string) => ({ type: "plain_text", text });
  const view = {
    type: "modal",
    callback_id: DIALOG,
    private_metadata: JSON.stringify({ claimed, responseUrl }),
    ...{ title: plain(words.title), submit: plain(words.submit), close: plain(words.close) },
    blocks: [
      {
        type: "input",
        block_id: COMMENT,
        label: plain(words.why),
        element: { type: "plain_text_input", action_id: COMMENT, multiline: true, max_length: 3000 },
      },
    ],
  };
  const answer = await http.send({
    url: apiUrl(settings.baseUrl, SLACK_BASE_URL, "/views.open"),
    headers: {
      authorization: `Bearer ${settings.botToken}`,
      "content-type": "application/json; charset=utf-8",
    },
    body: JSON.stringify({ trigger_id: trigger, view }),
    signal,
  });
  if (answer.status === 200 && parseObject(answer.body).ok === true) return;
  await whisper(http, signal, responseUrl, words.failed);
  throw new Error(`Slack did not open the dialog: ${answer.status} ${answer.body.slice(0, 500)}`);
}

/** `response_url` serves five times within half an hour, for the message that the button is in. */
async function respond(http: HttpSender, signal: AbortSignal, url: string, body: unknown): Promise<void> {
  const headers = { "content-type": "application/json; charset=utf-8" };
  const answer = await http.send({ url, headers, body: JSON.stringify(body), signal });
  if (answer.status !== 200) throw new Error(`Slack answered ${answer.status}: ${answer.body.slice(0, 500)}`);
}

async function replaceCard(
  http: HttpSender,
  signal: AbortSignal,
  url: string | undefined,
  { content }: Told,
): Promise<void> {
  if (url === undefined || !content) return;
  await respond(http, signal, url, {
    ...{ replace_original: true, text: slackFallback(content), blocks: slackAppBlocks(content) },
  });
}

/** Says something to who pressed alone. */
async function whisper(
  http: HttpSender,
  signal: AbortSignal,
  url: string | undefined,
  text: string,
): Promise<void> {
  if (url === undefined) return;
  await respond(http, signal, url, { response_type: "ephemeral", replace_original: false, text });
}
