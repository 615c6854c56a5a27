// Incoming webhooks of Slack, by Slack's documentation "Sending messages using incoming webhooks" (docs.slack.dev/
// messaging/sending-messages-using-incoming-webhooks): blocks. They have no signature: the key is in the URL. Answers are
// a word of plain text; those documented are in "Changes to errors for incoming webhooks" and on that page.

import type { SpecOf } from "@mflow/core/schema/channel";
import type { Channel, HttpSender, Outgoing, Sent } from "./channel.ts";
import { fitted } from "./fit-content.ts";
import { answerSentence, postToRobot, strangeAnswer, type Verdict } from "./robot-http.ts";
import { largestText, slackBlocks, slackFallback, slackLinkButtons } from "./slack-blocks.ts";

type Robot = SpecOf<"SLACK">;

/** "Maximum length 3000 characters" of a text. */
const MAX_TEXT = 3000;

/** Will be refused again: the message, the webhook, its channel or its workspace. */
const REFUSED = new Set([
  ...["invalid_payload", "invalid_blocks", "invalid_blocks_format", "no_text", "too_many_attachments"],
  ...[
    "missing_text_or_fallback_or_attachments",
    "invalid_token",
    "no_service",
    "no_service_id",
    "no_active_hooks",
  ],
  ...["no_team", "team_disabled", "user_not_found", "action_prohibited", "posting_to_general_channel_denied"],
  ...["channel_not_found", "channel_is_archived"],
]);

/** An incoming webhook of Slack. It takes one message a second. */
export function createSlackRobot(http: HttpSender): Channel<Robot> {
  return {
    kind: "SLACK",
    limits: { concurrency: 1, rate: { messages: 1, perMs: 1000 } },
    updates: false,
    send: (outgoing) => sendTo(http, outgoing),
  };
}

function sendTo(http: HttpSender, outgoing: Outgoing<Robot>): Promise<Sent> {
  const { settings, content } = outgoing;
  const message = fitted(
    content,
    (cut) => ({ text: slackFallback(cut), blocks: slackBlocks(cut, slackLinkButtons(cut)) }),
    ({ blocks }) => largestText(blocks) <= MAX_TEXT,
  );
  const body = JSON.stringify({ ...message, unfurl_links: false, unfurl_media: false });
  return postToRobot(http, outgoing, { url: settings.url, body, judge });
}

function judge(text: string): Verdict {
  const said = text.trim();
  if (said === "ok") return { kind: "SENT" };
  const why = answerSentence(said, undefined);
  if (said === "rate_limited" || said === "ratelimited") return { kind: "LIMITED", why };
  if (REFUSED.has(said)) return { kind: "DEAD", why };
  return said === "rollup_error" ? { kind: "RETRY", why } : strangeAnswer(text);
}
