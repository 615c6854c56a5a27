// What people read of a delivery: in their language, in the listener's words where it has some, and with the lines of
// the log that say why something failed.

import type { Language } from "@mflow/core/schema/listener";
import type { Message } from "@mflow/core/schema/message";
import type { LogStore } from "../logs/log-store.ts";
import type { DueDelivery } from "../store/store.ts";
import type { Content, DecisionButton } from "./content.ts";
import type { DeliverySettings } from "./delivery-settings.ts";

export interface ContentParts {
  logs: LogStore;
  /** The language that a user wants. */
  languageOf(user: string): Language | undefined;
  /** Of messages to those who want none in particular. */
  language: Language;
}

/** What people read; a webhook gets the message alone. */
export async function contentOf(
  { kind, user }: DueDelivery,
  given: {
    message: Message;
    link: string;
    buttons: Pick<DecisionButton, "verdict" | "url">[] | undefined;
    settings: Pick<DeliverySettings, "template" | "language">;
  },
  parts: ContentParts,
): Promise<Content> {
  const { message, link, buttons, settings } = given;
  const ofUser = user === undefined ? undefined : parts.languageOf(user);
  const language = settings.language ?? ofUser ?? parts.language;
  const { template } = settings;
  if (kind === "WEBHOOK") return { language, tone: "NEUTRAL", title: message.type, facts: [], links: [] };
  const { renderContent } = await import("./render-content.ts");
  const log = await logOf(message, parts.logs);
  return renderContent({
    message,
    language,
    link,
    ...(template && { template }),
    ...(log.length > 0 && { log }),
    ...(buttons && { buttons }),
  });
}

/** The lines that say why a task failed, or why its work did of which somebody is to confirm the result. */
async function logOf({ type, task, gate }: Message, logs: LogStore): Promise<string[]> {
  if (!task || !(type === "FAILED" || gate?.reported?.stage === "FAILED")) return [];
  const { failingLines } = await import("./log-excerpt.ts");
  return failingLines(logs, task.id, task.attempt);
}
