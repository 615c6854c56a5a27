// Links in mails and robots' messages by which a waiting gate is decided. A link is signed, expires, is bound to one
// gate of one attempt and to the message that it came with, and serves once (each of a group once). It opens a page that asks: the link alone
// decides nothing, for mail scanners follow links. One that was written to a person acts for that person; one in a
// group does not know who follows it, so its page asks for a token.

import { Buffer } from "node:buffer";
import type { Keys } from "../auth/keys.ts";

/** What a link is about. */
export interface DecisionLink {
  /** The delivery that it came with; the decision record names it, and so it serves once. */
  deliveryId: string;
  taskId: string;
  attempt: number;
  gate: "audit" | "confirm";
  /** Digest of the content that is decided on. */
  digest: string;
  /** Whom it was written to; absent in a group. */
  user?: string;
  /** Milliseconds since the epoch. */
  expiresAt: number;
}

export type OpenedLink = { link: DecisionLink } | { refused: "FORGED" | "EXPIRED"; link?: DecisionLink };

export interface DecisionLinks {
  /** Address of the page, with a verdict that it proposes. */
  url(link: DecisionLink, verdict: "PASS" | "DENY"): string;
  /** What a token of `url` is about; `now`: milliseconds since the epoch. */
  open(token: string, now: number): OpenedLink;
}

/** Path of the page, followed by the token. */
export const DECISION_PAGE = "/decide/";

type Fields = [string, string, number, "a" | "c", string, string, number];

/** `publicUrl`: address of the server as people reach it. */
export function createDecisionLinks(
  keys: Pick<Keys, "signLink" | "verifyLink">,
  publicUrl: () => string,
): DecisionLinks {
  return {
    url(link, verdict) {
      const { deliveryId, taskId, attempt, gate, digest, user = "", expiresAt } = link;
      const kind = gate === "audit" ? "a" : "c";
      const fields: Fields = [deliveryId, taskId, attempt, kind, digest, user, expiresAt];
      const text = Buffer.from(JSON.stringify(fields)).toString("base64url");
      return `${publicUrl()}${DECISION_PAGE}${text}.${keys.signLink(text)}?verdict=${verdict}`;
    },
    open(token, now) {
      const [text = "", signature = ""] = token.split(".");
      if (!keys.verifyLink(text, signature)) return { refused: "FORGED" };
      // What we signed we wrote, so its shape is known.
      const fields = JSON.parse(Buffer.from(text, "base64url").toString("utf8")) as Fields;
      const [deliveryId, taskId, attempt, kind, digest, user, expiresAt] = fields;
      const link: DecisionLink = {
        deliveryId,
        taskId,
        attempt,
        gate: kind === "a" ? "audit" : "confirm",
        digest,
        expiresAt,
        ...(user !== "" && { user }),
      };
      return now < expiresAt ? { link } : { refused: "EXPIRED", link };
    },
  };
}
