import { describe, expect, test } from "vitest";
import type { LintContext } from "../lint.ts";
import { lint } from "../lint.ts";
import { parseManifestObjects, parseManifests } from "../manifest.ts";
import type { ImRobot, Listeners, MentionUser, Webhook } from "../schema/listener.ts";
import type { TaskSpec } from "../schema/pipeline.ts";
import { DEFAULT_SCOPE } from "../schema/scalars.ts";
import { refusal } from "../testing/play.ts";
import { playJob, playPipeline } from "../testing/start.ts";

const world: Partial<LintContext> = {
  people: { users: new Set(["ann", "bob"]), groups: new Map([["qa", ["ann"]]]) },
  channels: new Map([
    ["ops", "FEISHU"],
    ["ci", "WEBHOOK"],
    ["post", "MAIL"],
  ]),
};

/** `error /webhooks/0/url: ...` of a pipeline with tasks `a` and `b`. */
function linted(listeners: Listeners, task: Listeners = {}, context: Partial<LintContext> = world): string[] {
  const tasks: TaskSpec[] = [
    { name: "a", job: "noop", ...task },
    { name: "b", job: "noop" },
  ];
  const spec = { ...listeners, stages: [{ name: "build", tasks }] };
  const { documents, problems } = parseManifestObjects([{ kind: "Pipeline", metadata: { name: "p" }, spec }]);
  expect(problems).toEqual([]);
  return lint(documents, { scope: DEFAULT_SCOPE, overlay: true, ...context }).map(
    ({ severity, path, message }) => `${severity} ${path.replace("/0/spec", "")}: ${message}`,
  );
}

const url = "https://example.com/hook";
const slack = "https://hooks.slack.com/services/T/B/x";
const webhook = (more: Partial<Webhook>) => linted({ webhooks: [{ url, ...more }] });
const inlineUrl =
  "/url: whoever may read the pipeline sees this URL, with which anybody can write to the group; store it as a " +
  "channel (`mflow channel add`) and name that in `channel`";
const butInlineUrls = (found: string[]) => found.filter((line) => !line.endsWith(inlineUrl));
const robot = (more: Partial<ImRobot>) => butInlineUrls(linted({ imRobots: [{ url: slack, ...more }] }));
const mention = (more: Partial<MentionUser>) => linted({ mentionUsers: [{ users: ["ann"], ...more }] });

test("listeners that make sense have no problems", () => {
  const scoped = { scope: { stage: "build", task: 2 }, events: ["failed", "Audit_Waiting"] };
  const found = linted(
    {
      mentionUsers: [{ users: ["ann", "@qa"], ways: ["MAIL", "IM"] }],
      imRobots: [
        { url: slack, template: { title: "{{run.name}}: {{type}}" } },
        { url: "https://open.feishu.cn/open-apis/bot/v2/hook/x", secret: "abc" },
        { url: "https://oapi.dingtalk.com/robot/send?access_token=x", secret: "SECx" },
        { url: "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=x" },
        { url: "https://bots.example.com/x", kind: "WECOM" },
        { channel: "ops", ...scoped },
      ],
      webhooks: [
        { url, secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", previousSecret: "any text" },
        { url, headers: { "X-Team": "shop" }, ...scoped },
        { channel: "ci", events: [] },
      ],
    },
    { webhooks: [{ url, events: ["SKIPPED"] }] },
  );
  expect(butInlineUrls(found)).toEqual([]);
});

describe("events", () => {
  test.each<[string, Partial<Webhook>, string[]]>([
    [
      "unknown",
      { events: ["FAILED", "succeded"] },
      ["error /webhooks/0/events/1: there is no event `succeded`; did you mean `SUCCEEDED`?"],
    ],
    [
      "that a run never has, without a scope",
      { events: ["CREATING", "AUDIT_WAITING"] },
      [
        "warning /webhooks/0/events/0: a run itself never becomes `CREATING`, so nobody hears of it; " +
          'add `scope` (`"*"` for all) to hear of its tasks',
      ],
    ],
    ["that tasks have, with a scope", { events: ["CREATING"], scope: "*" }, []],
  ])("%s", (_what, more, problems) => expect(webhook(more)).toEqual(problems));

  test("that are not known at all: all are listed", () => {
    expect(webhook({ events: ["x"] })[0]).toMatch(/^error .*; known are `SCHEDULING`, `CREATING`, /);
  });
});

describe("targets", () => {
  const private_ = (host: string) => [
    `warning /webhooks/0/url: \`${host}\` is in the server's own network, where it sends nothing unless it is started with ` +
      `\`--allow-target ${host.replace(/^\[|\]$/g, "")}\``,
  ];
  test.each<[string, Partial<Webhook>, string[]]>([
    [
      "none",
      { url: undefined },
      ["error /webhooks/0: nothing says where the messages go; give `url` or `channel`"],
    ],
    [
      "both",
      { channel: "ci" },
      ["error /webhooks/0/channel: messages go to one place; give either `url` or `channel`"],
    ],
    [
      "no URL",
      { url: "example.com/hook" },
      [
        "error /webhooks/0/url: `example.com/hook` is not a URL; write it whole, e.g. `https://example.com/hook`",
      ],
    ],
    [
      "another scheme",
      { url: "ftp://example.com/" },
      ["error /webhooks/0/url: messages go by http and https alone, not by `ftp`"],
    ],
    [
      "a password in the URL",
      { url: "https://me:secret@example.com/" },
      [
        "error /webhooks/0/url: a URL with a user and a password in it shows them; give them in `headers` instead",
      ],
    ],
    [
      "an unknown channel",
      { url: undefined, channel: "cii" },
      ["error /webhooks/0/channel: the server has no channel `cii`; did you mean `ci`?"],
    ],
    [
      "a channel of a wrong kind",
      { url: undefined, channel: "post" },
      ["error /webhooks/0/channel: channel `post` is of `MAIL`; here it must be `WEBHOOK`"],
    ],
    ...[
      ...["localhost", "10.0.0.8", "127.0.0.1", "169.254.169.254", "172.16.1.1", "192.168.1.1", "100.64.0.1"],
      ...["[::1]", "[fd00::1]", "[fe80::1]", "[::ffff:a00:1]", "0.0.0.0"],
    ].map((host): [string, Partial<Webhook>, string[]] => [host, { url: `http://${host}/` }, private_(host)]),
    ["a private address in disguise", { url: "http://0x7f.1/" }, private_("127.0.0.1")],
    ...["8.8.8.8", "172.32.0.1", "100.128.0.1", "[2001:db8::1]", "10.example.com"].map(
      (host): [string, Partial<Webhook>, string[]] => [host, { url: `http://${host}/` }, []],
    ),
  ])("%s", (_what, more, problems) => expect(webhook(more)).toEqual(problems));

  test("a channel is not looked up where nobody knows the channels", () => {
    expect(linted({ webhooks: [{ channel: "any" }] }, {}, {})).toEqual([]);
  });
});

describe("robots", () => {
  test.each<[string, Partial<ImRobot>, string[]]>([
    [
      "of a platform that the URL does not tell",
      { url: "https://example.com/" },
      [
        "error /imRobots/0/url: the URL does not tell whose robot it is (known hosts: open.feishu.cn, " +
          "open.larksuite.com, oapi.dingtalk.com, qyapi.weixin.qq.com, hooks.slack.com, hooks.slack-gov.com); say it " +
          "in `kind`: `FEISHU`, `DINGTALK`, `WECOM` or `SLACK`",
      ],
    ],
    [
      "of a platform other than the URL's",
      { kind: "FEISHU" },
      ["error /imRobots/0/kind: `kind` is `FEISHU`, but the URL is that of `SLACK`; remove `kind`"],
    ],
    [
      "with a secret where the platform has none",
      { secret: "s" },
      ["error /imRobots/0/secret: robots of `SLACK` have no signing secret; remove `secret`"],
    ],
    [
      "with what the channel says itself",
      { url: undefined, channel: "ops", kind: "FEISHU", secret: "s" },
      [
        "error /imRobots/0/kind: the channel has its own `kind`; remove it here",
        "error /imRobots/0/secret: the channel has its own `secret`; remove it here",
      ],
    ],
    [
      "by the channel of a webhook",
      { url: undefined, channel: "ci" },
      [
        "error /imRobots/0/channel: channel `ci` is of `WEBHOOK`; here it must be `FEISHU`, `DINGTALK`, `WECOM` or " +
          "`SLACK`",
      ],
    ],
    [
      "with a bad template",
      { template: { title: "ok", text: "{{task.name}}\n{{tsak.id}}" } },
      [
        "error /imRobots/0/template/text: line 2, column 1 of the template: a message has no `tsak.id`; did you mean " +
          "`task.id`?",
      ],
    ],
  ])("%s", (_what, more, problems) => expect(robot(more)).toEqual(problems));
});

test("a robot's URL in a pipeline is a warning, for whoever reads it can write to the group; a channel is none", () => {
  expect(linted({ imRobots: [{ url: slack }, { channel: "ops" }] })).toEqual([
    `warning /imRobots/0${inlineUrl}`,
  ]);
});

describe("webhooks", () => {
  test.each<[string, Partial<Webhook>, string[]]>([
    [
      "with the previous secret alone",
      { previousSecret: "old" },
      [
        "error /webhooks/0/previousSecret: `previousSecret` is for the time in which `secret` is new; give the secret " +
          "itself in `secret`",
      ],
    ],
    [
      "with a secret that is only half a Standard Webhooks one",
      { secret: "whsec_not base64!" },
      ["error /webhooks/0/secret: after `whsec_` comes base64, which this is not; copy the secret again"],
    ],
    [
      "with headers that mflow sets, or that no header can have",
      { headers: { "Webhook-Signature": "x", "X-A": "two\nlines" } },
      [
        "error /webhooks/0/headers/Webhook-Signature: mflow itself sets the header `Webhook-Signature`; remove it",
        "error /webhooks/0/headers/X-A: the value of the header `X-A` has a character that no header can have",
      ],
    ],
    [
      "with secrets beside a channel",
      { url: undefined, channel: "ci", secret: "s", headers: {} },
      [
        "error /webhooks/0/secret: the channel has its own `secret`; remove it here",
        "error /webhooks/0/headers: the channel has its own `headers`; remove it here",
      ],
    ],
    ["with a masked secret, which means the stored one", { secret: "***", headers: { A: "***" } }, []],
  ])("%s", (_what, more, problems) => expect(webhook(more)).toEqual(problems));

  test("twice the same", () => {
    const twice = [
      { url, events: ["FAILED", "canceled"] },
      { url, events: ["CANCELED", "FAILED"], secret: "s" },
    ];
    expect(linted({ webhooks: [...twice, { url, events: ["FAILED"] }] })).toEqual([
      "warning /webhooks/1: item 1 of `webhooks` tells the same place of the same events; remove one of them",
    ]);
  });
});

describe("people", () => {
  test.each<[string, Partial<MentionUser>, string[]]>([
    [
      "who are unknown",
      { users: ["anne", "@qa", "@q"] },
      [
        "error /mentionUsers/0/users/0: there is no user `anne`; did you mean `ann`?",
        "error /mentionUsers/0/users/2: there is no group `@q`; did you mean `@qa`?",
      ],
    ],
    [
      "by ways that there are not",
      { ways: ["SMS", "MAIL"] },
      [
        "warning /mentionUsers/0/ways/0: `SMS` is not supported: nobody is told by it, which is recorded; use `MAIL` " +
          "or `IM`",
      ],
    ],
  ])("%s", (_what, more, problems) => expect(mention(more)).toEqual(problems));

  test("are not looked up where nobody knows them", () => {
    expect(linted({ mentionUsers: [{ users: ["anyone", "@any"] }] }, {}, {})).toEqual([]);
  });
});

describe("scopes", () => {
  test.each<[string, Webhook["scope"], string[]]>([
    ["a stage by name", { stage: "biuld" }, ["; did you mean `build`?"]],
    ["a task by name", { task: "deploy" }, ["; correct the name of the task"]],
    ["by number", { stage: 2 }, ["; correct it"]],
    ["by both", { stage: "build", task: 3 }, ["; correct it"]],
  ])("that match nothing: %s", (_what, scope, rests) => {
    expect(webhook({ scope })).toEqual(
      rests.map((rest) => {
        const message = "the scope matches no task of the pipeline, so nobody is told";
        return `error /webhooks/0/scope: ${message}${rest}`;
      }),
    );
  });

  test("on a task have no effect", () => {
    expect(linted({}, { webhooks: [{ url, scope: "*" }] })).toEqual([
      "warning /stages/0/tasks/0/webhooks/0/scope: `scope` has no effect here: a task's listener hears of that task; " +
        "remove it",
    ]);
  });
});

const hooks = (count: number, more: Partial<Webhook> = {}): Webhook[] =>
  Array.from({ length: count }, (_, index) => ({ url: `https://example.com/${index}`, ...more }));

test("more than fifty listeners on one task, with those of the pipeline that reach it, are too many", () => {
  expect(linted({ webhooks: hooks(30) }, { webhooks: hooks(20) })).toEqual([]);
  expect(linted({ webhooks: hooks(30, { scope: { task: "b" } }) }, { webhooks: hooks(50) })).toEqual([]);
  expect(linted({ webhooks: hooks(30) }, { webhooks: hooks(21) })).toEqual([
    "error /stages/0/tasks/0: task `a` has 51 listeners (21 of its own, 30 of the pipeline); at most 50 are allowed, so " +
      "remove some, or give some a narrower `scope`",
  ]);
});

test("what is wrong with a listener in a file is told with line and column", () => {
  const text = `kind: Pipeline
metadata: {name: p}
spec:
  imRobots:
    - url: htp://hooks.slack.com/x
  stages: [{name: s, tasks: [{name: a, job: noop}]}]
`;
  const [problem] = lint(parseManifests(text).documents, { scope: DEFAULT_SCOPE, overlay: true });
  expect([problem?.path, problem?.line, problem?.column]).toEqual(["/spec/imRobots/0/url", 5, 12]);
});

describe("a run is refused", () => {
  test("with all that is wrong with the listeners of its request", () => {
    const request = {
      webhooks: [{ url: "nowhere" }, { url, scope: { task: "c" } }],
      imRobots: [{ url: slack, events: ["DONE"] }],
    };
    expect(refusal(() => playPipeline("a b", { request }))).toBe(
      "INVALID_DOCUMENT: /imRobots/0/events/0: there is no event `DONE`; known are `SCHEDULING`, `CREATING`, `ACTIVE`, " +
        "`CANCELING`, `CANCELED`, `FAILED`, `SUCCEEDED`, `SKIPPED`, `AUDIT_WAITING`, `AUDIT_REMIND`, " +
        "`AUDIT_ESCALATED`, `AUDIT_PASS`, `AUDIT_DENY`, `AUDIT_EXPIRED`, `AUDIT_CLOSED`, `CONFIRM_WAITING`, " +
        "`CONFIRM_REMIND`, `CONFIRM_ESCALATED`, `CONFIRM_PASS`, `CONFIRM_DENY`, `CONFIRM_EXPIRED`, `CONFIRM_CLOSED`, " +
        "`CONFIRM_PUSH_BACK` (and 2 more)",
    );
    expect(refusal(() => playJob({ webhooks: [{ url: "nowhere" }] }))).toMatch(
      /^INVALID_DOCUMENT: \/webhooks\/0\/url: `nowhere` is not a URL/,
    );
  });

  test("with more than fifty listeners on one task", () => {
    const options = { spec: { webhooks: hooks(20) }, tasks: { a: { webhooks: hooks(20) } } };
    expect(playPipeline("a", { ...options, request: { webhooks: hooks(10) } }).run.status.stage).toBe(
      "ACTIVE",
    );
    expect(refusal(() => playPipeline("a", { ...options, request: { webhooks: hooks(11) } }))).toMatch(
      /task `a` has 51 listeners \(20 of its own, 20 of the pipeline, 11 of the request\); at most 50 are allowed/,
    );
    const many = { webhooks: hooks(30), imRobots: hooks(21).map(() => ({ url: slack })) };
    expect(refusal(() => playJob(many))).toMatch(/it has 51 listeners; at most 50 are allowed/);
  });

  test("with a masked or sealed secret, for which nothing is stored", () => {
    const masked = [{ url, secret: "***", headers: { "X/Y": "***" } }];
    expect(refusal(() => playPipeline("a", { request: { webhooks: masked } }))).toBe(
      "INVALID_DOCUMENT: /webhooks/0/secret: `***` stands for a stored secret, and there is none; give the secret " +
        "itself (and 1 more)",
    );
    expect(refusal(() => playPipeline("a", { tasks: { a: { webhooks: masked } } }))).toMatch(
      /^INVALID_DOCUMENT: \/spec\/stages\/0\/tasks\/0\/webhooks\/0\/secret: /,
    );
    expect(refusal(() => playJob({ webhooks: [{ url, secret: "sealed:61" }] }))).toMatch(
      /^INVALID_DOCUMENT: \/webhooks\/0\/secret: a sealed text cannot be given; give the secret itself/,
    );
  });
});
