// A message as blocks of an app of Slack: what webhooks show, with buttons that call back.

import type { CardValue } from "./card-value.ts";
import type { Content } from "./content.ts";
import { fitted } from "./fit-content.ts";
import {
  largestText,
  type SlackBlock,
  type SlackButton,
  slackBlocks,
  slackButtonText,
  slackLinkButtons,
} from "./slack-blocks.ts";

/** "Maximum length 3000 characters" of a text. */
const MAX_TEXT = 3000;

/** The blocks; with `card` the buttons decide by callbacks, without they are links. */
export function slackAppBlocks(content: Content, card?: CardValue): SlackBlock[] {
  return fitted(
    content,
    (cut) => slackBlocks(cut, card ? callbackButtons(cut, card) : slackLinkButtons(cut)),
    (built) => largestText(built) <= MAX_TEXT,
  );
}

function callbackButtons(content: Content, card: CardValue): SlackButton[] {
  const { buttons = [], ...rest } = content;
  const deciding = buttons.map(
    ({ verdict, label }): SlackButton => ({
      type: "button",
      action_id: `mflow_${verdict.toLowerCase()}`,
      text: slackButtonText(label),
      style: verdict === "PASS" ? "primary" : "danger",
      value: JSON.stringify({ ...card, verdict }),
    }),
  );
  return [...deciding, ...slackLinkButtons(rest)];
}
