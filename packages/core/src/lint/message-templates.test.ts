import { expect, test } from "vitest";
import { templateProblems } from "./message-templates.ts";

test.each([
  "",
  "no tags",
  "{{task.name}} is {{task.stage}}",
  "{{#task}}{{job.name}}{{#params}}{{name}}={{value}}, {{/params}}{{/task}}",
  "{{#run.labels.team}}{{.}}{{/run.labels.team}}",
  "{{#gate.people}}{{.}}{{^comment}} {{.}}{{/comment}} {{/gate.people}}",
  "{{{comment}}} {{&comment}} {{! a comment }}",
  "{{#gate}}{{#decisions}}{{user}} {{verdict}} in {{task.name}}{{/decisions}}{{/gate}}",
])("`%s` is right", (template) => {
  expect(templateProblems(template)).toEqual([]);
});

test.each([
  ["{{task.nmae}}", "1:1 a message has no `task.nmae`; did you mean `task.name`?"],
  ["a\nb {{#task}}{{nmae}}{{/task}}", "2:12 a message has no `nmae`; did you mean `name`?"],
  ["{{#tsak}}x{{/tsak}}", "1:1 a message has no `tsak`; did you mean `task`?"],
  ["{{^rnu}}x{{/rnu}}", "1:1 a message has no `rnu`; did you mean `run`?"],
  [
    "{{constructor}}",
    "1:1 a message has no `constructor`; known here are `version`, `id`, `type`, `at`, `domain`, `namespace`, " +
      "`startedBy`, `actor`, `comment`, `run`, `run.id`, `run.name`, ...",
  ],
  ["{{task}}", "1:1 `task` is a map; name one of its values, e.g. `{{task.id}}`"],
  ["{{run.labels}}", "1:1 `run.labels` is a map; name one of its values, e.g. `{{run.labels.KEY}}`"],
  [
    "{{gate.people}}",
    "1:1 `gate.people` is a list; go through it, e.g. `{{#gate.people}}{{.}} {{/gate.people}}`",
  ],
  [
    "{{task.params.name}}",
    "1:1 `task.params` is a list; go through it, e.g. `{{#task.params}}{{name}} {{/task.params}}`",
  ],
  [
    "{{#task.params}}{{#task.steps}}x{{/task.steps}}{{/task.params}}",
    "1:17 a list inside a list is not gone through; close the outer section before `{{#task.steps}}`",
  ],
  [
    "{{#task}}".repeat(17) + "{{/task}}".repeat(17),
    "1:145 sections are at most 16 deep; close one before `{{#task}}`",
  ],
  ["{{> footer}}", "1:1 templates cannot include others; remove the tag"],
  ["{{=<% %>=}}", "1:1 delimiters cannot be changed; remove the tag"],
  ["{{=x=}}", "1:1 delimiters cannot be changed; write `{{` and `}}`"],
  ["{{}}", "1:1 a tag is empty; name a value of the message in it"],
  ["{{task.name", "1:12 a tag is not closed; add `}}`"],
  ["{{#task}}", "1:10 the section `{{#task}}` is not closed here; add `{{/task}}`"],
  ["{{#task}}{{/run}}", "1:10 the section `{{#task}}` is not closed here; add `{{/task}}`"],
  ["x {{/task}}", "1:3 `{{/task}}` closes nothing; remove it"],
])("of `%s`: %s", (template, problem) => {
  const problems = templateProblems(template);
  expect(problems.map(({ line, column, message }) => `${line}:${column} ${message}`)).toEqual([problem]);
});

test("more than twenty are not told", () => {
  expect(templateProblems("{{x}}".repeat(3000))).toHaveLength(20);
});
