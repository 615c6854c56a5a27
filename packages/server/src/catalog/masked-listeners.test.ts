import type { ErrorDetail } from "@mflow/core/errors";
import type { Listeners, Webhook } from "@mflow/core/schema/listener";
import { describe, expect, test } from "vitest";
import { restoreListeners } from "./masked-listeners.ts";

const url = "https://example.com/hook";

/** What is restored, and the places of what cannot be. */
function restored(given: Listeners, stored?: Listeners): { listeners: Listeners; missing: string[] } {
  const problems: ErrorDetail[] = [];
  const listeners = restoreListeners(given, stored, "/spec", problems);
  return { listeners, missing: problems.map(({ path }) => path) };
}

const hook = (more: Partial<Webhook>): Listeners => ({ webhooks: [{ url, ...more }] });

test("a masked secret of a listener is the stored one of the same target, another value replaces it", () => {
  const stored: Listeners = {
    imRobots: [{ url: "https://open.feishu.cn/x", secret: "sealed robot" }],
    webhooks: [
      {
        url,
        secret: "sealed a",
        previousSecret: "sealed b",
        headers: { "X-Key": "sealed c", Other: "sealed d" },
      },
    ],
  };
  const given: Listeners = {
    imRobots: [{ url: "https://open.feishu.cn/x", secret: "***", events: ["FAILED"] }],
    webhooks: [
      { url: "https://example.com/new", secret: "new" },
      { url, secret: "new", previousSecret: "***", headers: { "x-key": "***", Other: "plain" } },
    ],
  };
  expect(restored(given, stored)).toEqual({
    listeners: {
      imRobots: [{ url: "https://open.feishu.cn/x", secret: "sealed robot", events: ["FAILED"] }],
      webhooks: [
        { url: "https://example.com/new", secret: "new" },
        { url, secret: "new", previousSecret: "sealed b", headers: { "x-key": "sealed c", Other: "plain" } },
      ],
    },
    missing: [],
  });
});

test("of several listeners with one target each gets its own secret back", () => {
  const two = (...secrets: string[]) => ({ webhooks: secrets.map((secret) => ({ url, secret })) });
  expect(restored(two("***", "***"), two("a", "b"))).toEqual({ listeners: two("a", "b"), missing: [] });
});

describe("a masked secret is refused", () => {
  test.each<[string, Listeners, Listeners | undefined, string[]]>([
    ["where nothing is stored", hook({ secret: "***" }), undefined, ["/spec/webhooks/0/secret"]],
    [
      "where the target is another one",
      hook({ url: "https://evil.example.com/", secret: "***", headers: { "A/B": "***" } }),
      hook({ secret: "sealed", headers: { "A/B": "sealed" } }),
      ["/spec/webhooks/0/secret", "/spec/webhooks/0/headers/A~1B"],
    ],
    [
      "where the stored listener has no such secret",
      hook({ previousSecret: "***" }),
      hook({ secret: "sealed" }),
      ["/spec/webhooks/0/previousSecret"],
    ],
  ])("%s", (_what, given, stored, missing) => {
    expect(restored(given, stored)).toEqual({ listeners: given, missing });
  });
});

test("listeners without a masked secret stay the very same", () => {
  const given = hook({ secret: "new" });
  expect(restored(given, hook({ secret: "sealed" })).listeners).toBe(given);
});
