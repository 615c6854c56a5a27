import { describe, expect, test } from "vitest";
import { renderTemplate } from "./message-template.ts";
import type { Message } from "./schema/message.ts";

const message: Message = {
  version: 1,
  id: "msg-1",
  type: "FAILED",
  at: "2026-01-01T00:00:00.000Z",
  domain: "default",
  namespace: "default",
  startedBy: "ann",
  run: { id: "run-1", name: "release", stage: "ACTIVE", triggerMode: "MANUAL", labels: { team: "<shop>" } },
  task: {
    id: "task-1",
    name: "deploy",
    job: { name: "helm", version: "v1" },
    attempt: 2,
    stage: "FAILED",
    params: [
      { name: "A", value: "1" },
      { name: "B", value: "***" },
    ],
    markdownOutput: "**bold**",
  },
};

const plain = (text: string) => text;
const angled = (text: string) => text.replaceAll(/[<*]/g, (sign) => `\\${sign}`);

test.each([
  ["names with dots", "{{task.name}} of {{run.name}}: {{type}}", "deploy of release: FAILED"],
  ["numbers", "attempt {{task.attempt}}", "attempt 2"],
  ["a section of a map", "{{#task}}{{name}} {{job.name}}{{/task}}", "deploy helm"],
  ["a section of what is absent", "{{#gate}}waits{{/gate}}{{^gate}}no gate{{/gate}}", "no gate"],
  ["a list", "{{#task.params}}{{name}}={{value}};{{/task.params}}", "A=1;B=***;"],
  ["a label by its key", "{{{run.labels.team}}}", "<shop>"],
  ["nothing for what is absent", "[{{task.reason}}{{run.endAt}}{{gate.required}}]", "[]"],
  ["comments", "a{{! not shown }}b", "ab"],
  ["a section alone on its line leaves no line", "{{#task}}\n{{name}}\n{{/task}}\n", "deploy\n"],
])("renders %s", (_what, template, text) => {
  expect(renderTemplate(template, message, plain)).toBe(text);
});

test("escapes `{{name}}` as it is told to, and not `{{{name}}}`", () => {
  const template =
    "{{run.labels.team}} {{task.markdownOutput}} {{{task.markdownOutput}}} {{&task.markdownOutput}}";
  expect(renderTemplate(template, message, angled)).toBe("\\<shop> \\*\\*bold\\*\\* **bold** **bold**");
});

describe("runs no code", () => {
  test.each([
    "{{constructor.name}}",
    "{{toString}}",
    "{{task.constructor}}",
    "{{__proto__}}",
    "{{run.labels.toString}}",
    "{{type.length}}",
    "{{#task.name.repeat}}x{{/task.name.repeat}}",
    "{{> other}}",
  ])("%s is empty", (template) => {
    expect(renderTemplate(template, message, plain)).toBe("");
  });

  test("not even what a message holds, should it ever hold any", () => {
    const called: string[] = [];
    const odd = { ...message, id: () => called.push("called") } as unknown as Message;
    renderTemplate("{{id}}{{#id}}x{{/id}}", odd, plain);
    expect(called).toEqual([]);
  });
});

test("a template that loops in loops ends soon, and what it writes is cut", () => {
  const params = Array.from({ length: 512 }, (_, index) => ({ name: `P${index}`, value: "v".repeat(1000) }));
  const big = { ...message, task: { ...message.task, params } } as Message;
  const loop = (inner: string) => "{{#task.params}}".repeat(4) + inner + "{{/task.params}}".repeat(4);
  const text = renderTemplate(loop("{{value}}"), big, plain);
  expect(text.length).toBeLessThanOrEqual(32_769);
  expect(text.endsWith("v…")).toBe(true);
  expect(renderTemplate(loop("{{task.reason}}"), big, plain)).toBe("…");
});

test("a template that cannot be parsed throws", () => {
  expect(() => renderTemplate("{{#task}}", message, plain)).toThrow("Unclosed section");
});
