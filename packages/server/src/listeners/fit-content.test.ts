import { expect, test } from "vitest";
import type { Content } from "./content.ts";
import { fitted } from "./fit-content.ts";

const content: Content = {
  language: "en",
  tone: "BAD",
  title: "FAILED: release / prod",
  facts: [{ label: "Reason", value: "r".repeat(500) }],
  text: "t".repeat(500),
  params: {
    label: "Params",
    lines: Array.from({ length: 30 }, (_, index) => `P${index}=${"v".repeat(100)}`),
  },
  log: { label: "First failing lines", lines: Array.from({ length: 10 }, () => "l".repeat(300)) },
  links: [{ label: "Open task", url: "https://mflow.example.com/tasks/task-1" }],
};

const sizeOf = (made: Content) => JSON.stringify(made).length;
const fit = (limit: number) =>
  fitted(
    content,
    (made) => made,
    (made) => sizeOf(made) <= limit,
  );

test("a content that fits is not cut", () => {
  expect(fit(sizeOf(content))).toEqual(content);
});

test("params go first, and how many went is told", () => {
  expect(fit(sizeOf(content) - 1)).toEqual({
    ...content,
    params: { label: "Params", lines: [...(content.params?.lines.slice(0, 10) ?? []), "… 20 more"] },
  });
});

test("then the log and long values go; title and links stay", () => {
  expect(fit(1500)).toEqual({
    language: "en",
    tone: "BAD",
    title: "FAILED: release / prod",
    facts: [{ label: "Reason", value: `${"r".repeat(119)}…` }],
    text: `${"t".repeat(399)}…`,
    log: { label: "First failing lines", lines: Array.from({ length: 3 }, () => `${"l".repeat(99)}…`) },
    links: content.links,
  });
});

test("of what can never fit the title is left", () => {
  expect(fit(10)).toEqual({
    language: "en",
    tone: "BAD",
    title: "FAILED: release / prod",
    facts: [],
    links: [],
  });
});
