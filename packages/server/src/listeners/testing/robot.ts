// A channel of a robot against a real receiver on loopback, by the sender that the server uses.

import type { Channel, HttpSender, Outgoing, SendError } from "../channel.ts";
import type { Content } from "../content.ts";
import { createHttpSender } from "../http-sender.ts";
import { failed } from "./messages.ts";
import { type Received, Receiver } from "./receiver.ts";

/** 2026-03-01T12:00:01.500Z, milliseconds since the epoch. */
export const NOW = Date.parse("2026-03-01T12:00:01.500Z");

export interface RobotTest<Settings> {
  receiver: Receiver;
  /** Sends, and resolves with what the receiver got. */
  send(content: Content, settings: Settings): Promise<Received>;
  /** Sends, and resolves with how it failed. */
  failure(settings: Settings): Promise<Pick<SendError, "kind" | "message" | "retryAfterMs">>;
  close(): Promise<void>;
}

export const plainContent: Content = {
  language: "en",
  tone: "BAD",
  title: "FAILED: prod",
  facts: [],
  links: [],
};

export async function openRobotTest<Settings>(
  create: (http: HttpSender) => Channel<Settings>,
): Promise<RobotTest<Settings>> {
  const receiver = await Receiver.open();
  const http = createHttpSender({ allowed: ["127.0.0.1"], userAgent: "mflow-test" });
  const channel = create(http);
  const outgoing = (content: Content, settings: Settings): Outgoing<Settings> => ({
    messageId: failed.id,
    deliveryId: "dlv-1",
    message: failed,
    content,
    settings,
    signal: AbortSignal.timeout(10_000),
    now: NOW,
  });
  return {
    receiver,
    async send(content, settings) {
      await channel.send(outgoing(content, settings));
      const got = receiver.received.at(-1);
      if (!got) throw new Error("the receiver got nothing");
      return got;
    },
    async failure(settings) {
      try {
        await channel.send(outgoing(plainContent, settings));
      } catch (error) {
        const { kind, message, retryAfterMs } = error as SendError;
        return { kind, message, retryAfterMs };
      }
      throw new Error("the message was taken");
    },
    async close() {
      await http.close();
      await receiver.close();
    },
  };
}

/** Larger than any platform takes: every part is long, of characters of three bytes. */
export function hugeContent(language: Content["language"]): Content {
  const lines = (count: number, length: number) => Array.from({ length: count }, () => "字".repeat(length));
  return {
    language,
    tone: "BAD",
    title: "失".repeat(200),
    facts: lines(18, 500).map((value, index) => ({ label: `Fact ${index}`, value })),
    text: "文 ".repeat(8000),
    params: { label: "Params", lines: lines(30, 200) },
    log: { label: "First failing lines", lines: lines(10, 300) },
    links: [{ label: "Open task", url: "https://mflow.example.com/runs/run-1/tasks/task-1" }],
    buttons: [
      {
        verdict: "PASS",
        label: "Pass",
        url: `https://mflow.example.com/decide/${"t".repeat(400)}?verdict=PASS`,
      },
      {
        verdict: "DENY",
        label: "Deny",
        url: `https://mflow.example.com/decide/${"t".repeat(400)}?verdict=DENY`,
      },
    ],
  };
}
