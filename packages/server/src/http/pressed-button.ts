// A button of a card that somebody pressed, verified to come from their platform: finds the card, the person and the
// task, lets the engine decide, and says what they are told. Whatever is refused is recorded: here before the engine is
// asked, by the engine afterwards.

import { MflowError } from "@mflow/core/errors";
import type { JobTask } from "@mflow/core/schema/job-task";
import type { Language } from "@mflow/core/schema/listener";
import type { Message } from "@mflow/core/schema/message";
import { DecideRequest } from "@mflow/core/schema/request";
import { validateValue } from "@mflow/core/validate";
import type { UserAccount } from "../auth/accounts.ts";
import type { Actor } from "../engine/submit.ts";
import type { Press, Told } from "../listeners/callbacks/callback.ts";
import { messageNow } from "../listeners/callbacks/card-now.ts";
import type { AppSpec } from "../listeners/callbacks/platforms.ts";
import { doneSentence, refusalSentence, strangerSentence } from "../listeners/callbacks/words.ts";
import { type CardValue, cardValueOf, isSameCard } from "../listeners/card-value.ts";
import type { Content } from "../listeners/content.ts";
import { targetOfChannel } from "../listeners/hub.ts";
import { linkTo } from "../listeners/page-link.ts";
import { refuseSealedTexts } from "./body.ts";
import { actorIn, type Caller, may } from "./caller.ts";
import type { RefusedCallback } from "./refused-callbacks.ts";
import type { CallbackParts, Services } from "./services.ts";

export interface PressedButton {
  channel: string;
  spec: AppSpec;
  press: Press;
  /** The platform can ask why before anything is decided. */
  canAsk: boolean;
  source: NonNullable<Actor["source"]>;
}

/** How it went; `refused` is what is to be recorded. `ask`: they are to be asked why first, in this language. */
export type PressOutcome = { told: Told; refused?: RefusedCallback } | { ask: Language };

type Parts = Pick<Services, "store" | "engine" | "accounts" | "language"> & Pick<CallbackParts, "publicUrl">;

export async function decidePress(pressed: PressedButton, parts: Parts): Promise<PressOutcome> {
  const { channel, spec, press, source } = pressed;
  const anyLanguage = spec.language ?? parts.language;
  const found = await findCard(pressed, parts);
  if (!found) {
    const error = new MflowError(
      "CALLBACK_REFUSED",
      `this is no card that mflow sent by channel \`${channel}\``,
    );
    return refuse(error, anyLanguage, { rule: error.message, source });
  }
  const { card, message } = found;
  const about = recordOf(card, message, source);
  const account = parts.accounts.userByAddress(channel, press.userIds);
  if (!account) {
    const rule = `no user has the address ${press.userIds.join(" or ") || "?"} in channel \`${channel}\``;
    const sentence = strangerSentence(channel, press.userIds, anyLanguage);
    return {
      told: { isDone: false, sentence },
      refused: { ...about, rule, code: "CALLBACK_REFUSED" },
    };
  }
  const language = spec.language ?? account.user.language ?? parts.language;
  const person = { ...about, user: account.user.name, verdict: press.verdict };
  const task = await parts.store.runs.task(card.task);
  const obstacle = obstacleTo(task, card, account);
  if (!task || obstacle) {
    const error = obstacle ?? new MflowError("NOT_FOUND", "the task was deleted");
    const content = await closedCard(message, task, language, parts);
    return refuse(error, language, { ...person, rule: error.message }, content);
  }
  if (pressed.canAsk && isOpen(task, card)) return { ask: language };
  try {
    const decided = await decide(pressed, card, task, account, parts);
    const sentence = doneSentence(press.verdict, task.name, language);
    const content = await cardContent(messageNow(message, decided), language, parts);
    return { told: { isDone: true, sentence, content } };
  } catch (error) {
    if (!(error instanceof MflowError)) throw error;
    // The engine has recorded it.
    const latest = await parts.store.runs.task(card.task);
    const content = await closedCard(message, latest, language, parts);
    const sentence = refusalSentence(error, language);
    return { told: { isDone: false, sentence, ...(content && { content }) } };
  }
}

/** The card that a press names, when this server sent it by this channel and it says what the button says. */
async function findCard(
  { channel, press }: PressedButton,
  { store }: Parts,
): Promise<{ card: CardValue; message: Message } | undefined> {
  const delivery = await store.deliveries.find(press.delivery);
  if (delivery?.target !== targetOfChannel(channel)) return undefined;
  const message = await store.deliveries.message(press.delivery);
  const card = message && cardValueOf(press.delivery, message);
  if (!card || (press.claimed && !isSameCard(press.claimed, card))) return undefined;
  return { card, message };
}

/** Why nothing can be decided by this card, whatever the gate's rules say. */
function obstacleTo(
  task: JobTask | undefined,
  card: CardValue,
  { user, grants }: UserAccount,
): MflowError | undefined {
  if (!task) return undefined;
  const caller: Caller = { name: user.name, local: false, grants };
  if (!may(caller, "viewer", task)) return new MflowError("FORBIDDEN", `${user.name} may not see the task`);
  if (task.attempt === card.attempt) return undefined;
  const message = `the card is about attempt ${card.attempt} of task \`${task.name}\`, which is in attempt ${task.attempt}`;
  return new MflowError("CONTENT_CHANGED", message);
}

function gateOf(task: JobTask, { gate }: CardValue) {
  return task[gate === "AUDIT" ? "audit" : "confirm"];
}

/** Whether it waits for a decision on what the card shows; otherwise the engine says why not. */
function isOpen(task: JobTask, card: CardValue): boolean {
  const gate = gateOf(task, card);
  return gate?.stage === "WAITING" && gate.digest === card.digest;
}

async function decide(
  { press, source }: PressedButton,
  { gate, digest }: CardValue,
  task: JobTask,
  { user, grants }: UserAccount,
  { engine }: Parts,
): Promise<JobTask> {
  const comment = press.comment?.trim();
  const request: DecideRequest = { verdict: press.verdict, digest, ...(comment && { comment }) };
  const [problem] = validateValue(DecideRequest, request);
  if (problem) throw new MflowError("BAD_REQUEST", `${problem.path}: ${problem.message}`);
  refuseSealedTexts(request);
  const actor: Actor = { ...actorIn({ name: user.name, local: false, grants }, task), source };
  return engine[gate === "AUDIT" ? "audit" : "confirm"](task.id, request, actor);
}

function refuse(
  error: MflowError,
  language: Language,
  record: Omit<RefusedCallback, "code">,
  content?: Content,
): PressOutcome {
  const sentence = refusalSentence(error, language);
  return {
    told: { isDone: false, sentence, ...(content && { content }) },
    refused: { ...record, code: error.code },
  };
}

function recordOf(
  card: CardValue,
  { domain, namespace, run, task }: Message,
  source: PressedButton["source"],
) {
  return {
    ...{ domain, namespace, source, gate: card.gate, digest: card.digest },
    ...(run && { pipelineTaskId: run.id }),
    ...{ taskId: card.task, attempt: card.attempt, taskName: task?.name ?? card.task },
  };
}

/** The card as it is when nothing can be decided by it any more; nothing while it can. */
async function closedCard(
  message: Message,
  task: JobTask | undefined,
  language: Language,
  parts: Parts,
): Promise<Content | undefined> {
  const now = messageNow(message, task);
  return now.gate?.stage === "WAITING" ? undefined : cardContent(now, language, parts);
}

async function cardContent(message: Message, language: Language, { publicUrl }: Parts): Promise<Content> {
  const { renderContent } = await import("../listeners/render-content.ts");
  return renderContent({ message, language, link: linkTo(message, publicUrl()) });
}
