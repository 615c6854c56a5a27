// Callbacks of DingTalk: a button of an interactive card. By the public documentation "事件回调" (event-callback-card) of
// open.dingtalk.com. DingTalk signs the time alone, not the body: a signature is accepted once, so that one that leaks
// cannot carry another decision, and the connection has to be TLS.

import { createHmac } from "node:crypto";
import type { SpecOf } from "@mflow/core/schema/channel";
import { dingtalkCardParams } from "../dingtalk-app-card.ts";
import { type CallbackPlatform, CallbackRefusal, MAX_AGE_MS, type PressAnswers } from "./callback.ts";
import { objectAt, parseObject, textAt } from "./callback-body.ts";
import { demandEqual, demandFresh, header } from "./genuine.ts";

type Settings = SpecOf<"DINGTALK_APP">;

const answers: PressAnswers = {
  tell: ({ sentence, content }) => ({
    body: {
      cardUpdateOptions: { updateCardDataByKey: true, updatePrivateDataByKey: true },
      ...(content && { cardData: { cardParamMap: dingtalkCardParams(content) } }),
      userPrivateData: { cardParamMap: { notice: sentence } },
    },
  }),
};

export const dingtalkCallbacks: CallbackPlatform<Settings> = {
  verify({ callbackSecret }, request) {
    if (callbackSecret === undefined) {
      throw new CallbackRefusal("the channel has no callbackSecret to check callbacks with");
    }
    const time = header(request, "x-ddpaas-signature-timestamp");
    const signature = header(request, "x-ddpaas-signature");
    demandEqual(signature, createHmac("sha256", callbackSecret).update(time).digest("base64"), "signature");
    const atMs = Number(time);
    demandFresh(atMs, request.now);
    const body = parseObject(request.body.toString("utf8"));
    const delivery = textAt(body, "outTrackId");
    const verdict = body.type === "actionCallback" ? verdictOf(cardAction(body)) : undefined;
    if (delivery === undefined || !verdict) return { kind: "ANSWER", answer: { body: {} } };
    const comment = textAt(objectAt(cardAction(body), "params"), "comment");
    const userId = textAt(body, "userId");
    const press = {
      ...{ delivery, verdict, userIds: userId === undefined ? [] : [userId] },
      ...(comment !== undefined && { comment }),
    };
    return { kind: "PRESS", nonce: signature, until: atMs + MAX_AGE_MS, press, answers };
  },
};

/** What was pressed: `content` is JSON in a text. */
function cardAction(body: Record<string, unknown>): Record<string, unknown> {
  return objectAt(parseObject(textAt(body, "content") ?? ""), "cardPrivateData");
}

/** The template's buttons say it: by the param `verdict`, or as ids `pass` and `deny`. */
function verdictOf(action: Record<string, unknown>): "PASS" | "DENY" | undefined {
  const [id] = Array.isArray(action.actionIds) ? (action.actionIds as unknown[]) : [];
  const said = String(textAt(objectAt(action, "params"), "verdict") ?? id).toUpperCase();
  return said === "PASS" || said === "DENY" ? said : undefined;
}
