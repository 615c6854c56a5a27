// The release report of a run that was denied once, pushed through, and tried by somebody who may not; whole.

import { expect, test } from "vitest";
import { CHAIN_START, chainRecord } from "./decision-chain.ts";
import { releaseMarkdown } from "./release-markdown.ts";
import { type ReportInput, releaseReport } from "./release-report.ts";
import type { DecisionRecord, NewDecisionRecord } from "./schema/decision-record.ts";
import type { Gate } from "./schema/gate.ts";
import type { JobTask } from "./schema/job-task.ts";

const at = (second: number) => `2026-03-01T12:00:${String(second).padStart(2, "0")}.000Z`;
const scope = { domain: "default", namespace: "web" };

const place = {
  ...scope,
  pipelineTaskId: "run-1",
  taskId: "task-2",
  taskName: "prod",
  attempt: 1,
  gate: "AUDIT",
} as const;

const rows: NewDecisionRecord[] = [
  { at: at(5), ...place, act: "OPEN", rule: "1 of @ops must pass", digest: "d1" },
  {
    at: at(6),
    ...place,
    act: "REFUSE",
    user: "alice",
    verdict: "PASS",
    rule: "alice started the run and may not decide the audit of task `prod`; these may: bob",
    code: "SELF_DECISION",
    digest: "d1",
    source: { via: "API", address: "10.0.0.7" },
  },
  {
    at: at(7),
    ...place,
    act: "DECIDE",
    user: "bob",
    onBehalfOf: "cem",
    verdict: "PASS",
    comment: "tested <b>twice</b>\n- on staging",
    rule: "bob stands in for cem, who is away; cem is in @ops; 1 of 1 passed",
    digest: "d1",
    source: { via: "CLI", address: "10.0.0.8", userAgent: "mflow-cli/0.1.0" },
  },
  {
    at: at(8),
    ...scope,
    pipelineTaskId: "run-1",
    act: "REFUSE",
    rule: "the link expired",
    code: "LINK_EXPIRED",
  },
];

function chained(): DecisionRecord[] {
  const records: DecisionRecord[] = [];
  for (const row of rows) records.push(chainRecord(row, records.at(-1) ?? CHAIN_START));
  return records;
}

const audit: Gate = {
  people: ["@ops"],
  required: 1,
  allowSelf: false,
  stage: "PASS",
  digest: "d1",
  openedAt: at(5),
  closedAt: at(7),
  decisions: [{ user: "bob", onBehalfOf: "cem", verdict: "PASS", at: at(7), digest: "d1" }],
};

function task(id: string, name: string, more: Partial<JobTask>): JobTask {
  return {
    id,
    ...scope,
    name,
    stageName: "release",
    job: { id: "job-1", name: "deploy", version: "v3" },
    runnerType: "FAKE",
    attempt: 1,
    status: { stage: "SUCCEEDED", startAt: at(8), endAt: at(10) },
    startedBy: "alice",
    createdAt: at(0),
    updatedAt: at(10),
    revision: 3,
    ...more,
  };
}

const secret = { name: "KEY", value: "sealed:x", usageType: "ENV", valueType: "TEXT", setBy: "RUN" } as const;

function input(records = chained()): ReportInput {
  const [first, last] = [records[0], records.at(-1)];
  return {
    run: {
      id: "run-1",
      ...scope,
      name: "shop|web",
      labels: { team: "web" },
      triggerMode: "MANUAL",
      runBy: "alice",
      status: {
        stage: "SUCCEEDED",
        startAt: at(1),
        endAt: at(10),
        progress: { tasks: 1, open: 0, ended: 1 },
      },
      createdAt: at(0),
      updatedAt: at(10),
      revision: 9,
    },
    definition: {
      jobs: {},
      runParams: [
        { name: "VERSION", value: "1.4|0" },
        { name: "KEY", value: "sealed:x", sensitive: true, scope: { stage: "release" } },
      ],
    },
    tasks: [
      task("task-1", "build", { stageName: undefined }),
      task("task-2", "prod", { audit, params: [{ ...secret, sensitive: true }] }),
    ],
    records,
    ...(first &&
      last && {
        proof: { firstSeq: 1, previous: first.previous, lastSeq: last.seq, hash: last.hash, ok: true },
      }),
    madeAt: at(20),
    isSealed: (text) => text.startsWith("sealed:"),
  };
}

test("the report holds run, params, tasks, and every row of the record at its gate, no secret", () => {
  const records = chained();
  expect(releaseReport(input(records))).toEqual({
    run: {
      id: "run-1",
      pipeline: "shop|web",
      ...scope,
      stage: "SUCCEEDED",
      startAt: at(1),
      endAt: at(10),
      runBy: "alice",
      triggerMode: "MANUAL",
      labels: { team: "web" },
      createdAt: at(0),
      params: [
        { name: "VERSION", value: "1.4|0" },
        { name: "KEY", value: "***", sensitive: true, scope: { stage: "release" } },
      ],
    },
    tasks: [
      {
        id: "task-1",
        name: "build",
        job: "deploy:v3",
        stage: "SUCCEEDED",
        attempt: 1,
        startAt: at(8),
        endAt: at(10),
        params: [],
        gates: [],
      },
      {
        id: "task-2",
        name: "prod",
        stageName: "release",
        job: "deploy:v3",
        stage: "SUCCEEDED",
        attempt: 1,
        startAt: at(8),
        endAt: at(10),
        params: [{ ...secret, value: "***", sensitive: true }],
        gates: [
          {
            gate: "AUDIT",
            attempt: 1,
            stage: "PASS",
            people: ["@ops"],
            required: 1,
            allowSelf: false,
            digest: "d1",
            openedAt: at(5),
            closedAt: at(7),
            records: records.slice(0, 3),
          },
        ],
      },
    ],
    otherRecords: records.slice(3),
    proof: { firstSeq: 1, previous: "0".repeat(64), lastSeq: 4, hash: records.at(-1)?.hash, ok: true },
    madeAt: at(20),
  });
});

test("as markdown it reads from top to bottom, and no text of a person breaks it", () => {
  const records = chained();
  const last = records.at(-1)?.hash;
  expect(releaseMarkdown(releaseReport(input(records)))).toBe(`# Release report: shop\\|web

|  |  |
| --- | --- |
| Run | \`run-1\` |
| Result | SUCCEEDED |
| Scope | \`web.default\` |
| Started by | alice (MANUAL) |
| Started | ${at(1)} |
| Ended | ${at(10)} |
| Took | 9s |
| Labels | \`team=web\` |

## Params

| Name | Value | For |
| --- | --- | --- |
| \`VERSION\` | \`1.4\\|0\` | all |
| \`KEY\` | \`***\` | \`release\` |

## Tasks

| Task | Job | Result | Started | Took | Attempt |
| --- | --- | --- | --- | --- | --- |
| \`build\` | \`deploy:v3\` | SUCCEEDED | ${at(8)} | 2s | 1 |
| \`release/prod\` | \`deploy:v3\` | SUCCEEDED | ${at(8)} | 2s | 1 |

## Decisions

### release/prod: audit, attempt 1: PASS

1 of @ops had to pass.
Content \`d1\` of \`deploy:v3\`.

- ${at(5)} opened (row 1)
  1 of @ops must pass
  content \`d1\`
- ${at(6)} **alice** was refused PASS (SELF_DECISION), by API from \`10.0.0.7\` (row 2)
  alice started the run and may not decide the audit of task \\\`prod\\\`; these may: bob
  content \`d1\`
- ${at(7)} **bob** for cem **PASS**, by CLI from \`10.0.0.8\`, \`mflow-cli/0.1.0\` (row 3)
  bob stands in for cem, who is away; cem is in @ops; 1 of 1 passed
  content \`d1\`

  > tested &lt;b>twice&lt;/b>
  > - on staging

## Other rows of the record

- ${at(8)} somebody was refused (LINK_EXPIRED) (row 4)
  the link expired

## Proof

Rows 1 to 4 of the decision record are whole: each carries the hash of the one before it.

|  | Row | Hash |
| --- | --- | --- |
| before | 0 | \`${"0".repeat(64)}\` |
| last | 4 | \`${last}\` |

To check later that nothing up to row 4 was changed since: \`mflow record verify --expect 4:${last}\`

Made at ${at(20)}.
`);
});

test("a push back says to which task, and the attempt that has not opened since shows no gate", () => {
  const row = { ...place, act: "DECIDE", user: "bob", verdict: "PUSH_BACK", pushBackTo: "build" } as const;
  const pushed = chainRecord({ at: at(7), ...row, rule: "bob is listed" }, CHAIN_START);
  const { digest: _digest, ...blank } = audit;
  const prod = task("task-2", "prod", {
    status: { stage: "PENDING" },
    pastAttempts: [{ attempt: 1, status: { stage: "CANCELED" }, audit }],
    audit: { ...blank, stage: "PENDING", decisions: [] },
  });
  const report = releaseReport({ ...input([pushed]), tasks: [prod] });
  expect(report.tasks[0]?.gates.map((gate) => [gate.attempt, gate.stage, gate.records])).toEqual([
    [1, "PASS", [pushed]],
  ]);
  expect(releaseMarkdown(report)).toContain(`- ${at(7)} **bob** **PUSH_BACK** to \`build\` (row 1)\n`);
});

test("a run without gates says so, and one whose record is broken says that first", () => {
  const bare = input([]);
  const none = releaseMarkdown(releaseReport({ ...bare, tasks: bare.tasks.slice(0, 1) }));
  expect(none).toContain("\n## Decisions\n\nNo task of the run had a gate.\n");
  expect(none).toContain("\n## Proof\n\nThe decision record has no rows of this run.\n");
  const whole = input();
  const proof = {
    ...(whole.proof as NonNullable<typeof whole.proof>),
    ok: false,
    reason: "row 2 was changed",
  };
  expect(releaseMarkdown(releaseReport({ ...whole, proof }))).toContain(
    "\n## Proof\n\n**The decision record is not whole:** row 2 was changed\n",
  );
});

test("each row is looked at once, however many gates a run has", () => {
  const count = 300;
  let looks = 0;
  const records: DecisionRecord[] = [];
  const tasks = Array.from({ length: count }, (_, index) => {
    const row = {
      at: at(5),
      ...place,
      act: "OPEN",
      rule: "",
      seq: index + 1,
      previous: "",
      hash: "",
    } as const;
    const watched = {
      ...row,
      get taskId() {
        looks++;
        return `task-${index}`;
      },
    };
    records.push(watched);
    return task(`task-${index}`, "prod", { audit });
  });
  const { otherRecords, tasks: shown } = releaseReport({ ...input(records), tasks });
  expect(looks).toBe(count);
  expect(shown.map(({ gates }) => gates[0]?.records.length)).toEqual(Array(count).fill(1));
  expect(otherRecords).toEqual([]);
});
