// Where chat platforms call back when somebody presses a button of a card, or an address is checked. There is no token:
// the platform's signature is checked before anything in the body is believed, and a callback counts once.

import { MflowError } from "@mflow/core/errors";
import {
  type CallbackAnswer,
  CallbackRefusal,
  type VerifiedCallback,
} from "../../listeners/callbacks/callback.ts";
import { type AppSpec, callbacksOf, hasCallbacks } from "../../listeners/callbacks/platforms.ts";
import { ReplayMemory } from "../../listeners/callbacks/replay-memory.ts";
import { decidePress } from "../pressed-button.ts";
import { RefusedCallbacks } from "../refused-callbacks.ts";
import { type Answer, type Call, type Route, route } from "../route.ts";
import type { CallbackParts, Services } from "../services.ts";
import { sourceOf } from "../source.ts";

type RawCall = Call<unknown, unknown>;

/** What follows an answer (a card that changes, a dialog) may take so long, milliseconds. */
const FOLLOW_MS = 10_000;

export function callbackRoutes(services: Services): Route[] {
  const { store, callbacks } = services;
  const refusals = new RefusedCallbacks(store.records);
  const replays = new ReplayMemory();

  /** The verified callback; throws a CallbackRefusal. */
  async function verify(call: RawCall, channel: string, spec: AppSpec): Promise<VerifiedCallback> {
    const platform = await callbacksOf(spec.kind);
    const now = Date.now();
    const body = call.body as Buffer;
    const verified = platform.verify(spec, { headers: call.request.headers, body, now });
    if (verified.kind === "PRESS" && !replays.isFirst(`${channel} ${verified.nonce}`, verified.until, now)) {
      throw new CallbackRefusal("the callback was sent before");
    }
    return verified;
  }

  async function receive(call: RawCall, channel: string, parts: CallbackParts): Promise<Answer> {
    const spec = parts.settingsOf(channel);
    if (!spec || !hasCallbacks(spec))
      throw new CallbackRefusal(`there is no app channel \`${channel.slice(0, 64)}\``);
    const source = sourceOf(call.request, { via: spec.kind });
    const verified = await verify(call, channel, spec);
    if (verified.kind === "ANSWER") return answered(call, verified.answer, parts);
    const { press, answers } = verified;
    const pressed = {
      ...{ channel, spec, press, canAsk: answers.ask !== undefined },
      source: { ...source, link: press.delivery },
    };
    const outcome = await decidePress(pressed, { ...services, ...parts });
    if ("ask" in outcome && answers.ask) return answered(call, answers.ask(outcome.ask), parts);
    if (!("told" in outcome))
      throw new MflowError("INTERNAL", "a dialog was wanted that the platform has not");
    if (outcome.refused) await refusals.note(channel, outcome.refused, Date.now(), call.request.log);
    return answered(call, answers.tell(outcome.told), parts);
  }

  return [
    route({
      method: "POST",
      path: "/callbacks/:channel",
      id: "receiveCallback",
      tag: "Callbacks",
      summary: "What a chat platform sends when somebody presses a button",
      description:
        "For the platforms of app channels alone (Feishu, DingTalk, Slack): the body is signed as the platform " +
        "documents, with the channel's secrets. A callback that is not, is old, or comes again changes nothing and " +
        "is recorded if the channel is there. A press that the gate's rules refuse is answered with 200 and what the person is told.",
      access: "public",
      rawBody: true,
      successes: { 200: { description: "JSON of the platform's own; Slack gets no body." } },
      errors: ["CALLBACK_REFUSED", "UNAVAILABLE", "STORE_BUSY"],
      async handle(call) {
        const channel = call.params.channel ?? "";
        try {
          if (!callbacks) throw new CallbackRefusal("the server has no channels");
          return await receive(call, channel, callbacks);
        } catch (error) {
          if (!(error instanceof CallbackRefusal)) throw error;
          const spec = callbacks?.settingsOf(channel);
          const isKnown = spec !== undefined && hasCallbacks(spec);
          const { log } = call.request;
          if (isKnown) {
            const source = sourceOf(call.request, { via: spec.kind });
            const refused = { rule: error.message, code: "CALLBACK_REFUSED" as const, source };
            await refusals.note(channel, refused, Date.now(), log);
          } else refusals.leave(Date.now(), log);
          // Why is for the record alone: it would help who forges one.
          throw new MflowError(
            "CALLBACK_REFUSED",
            "The callback is refused; the decision record or the log says why.",
          );
        }
      },
    }),
  ];
}

/** Sends what belongs to an answer once the platform has it. */
function answered(call: RawCall, { body, follow }: CallbackAnswer, { http }: CallbackParts): Answer {
  if (follow) {
    const { log } = call.request;
    call.reply.raw.once("close", () => {
      follow(http, AbortSignal.timeout(FOLLOW_MS)).catch((error: unknown) =>
        log.warn({ err: error }, "what follows the answer to a callback did not arrive"),
      );
    });
  }
  return { status: 200, body };
}
