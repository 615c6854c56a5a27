// The lists of gates as a terminal of 80 columns shows them: nothing runs over it.

import type { DecisionRecord } from "@mflow/core/schema/decision-record";
import type { InboxItem } from "@mflow/core/schema/inbox";
import { expect, test } from "vitest";
import { tableLines } from "../display/table.ts";
import { at } from "../testing/watched-run.ts";
import { inboxColumns } from "./inbox-columns.ts";
import { recordColumns } from "./record-columns.ts";

const id = (last: string) => `task-${last.padStart(26, "0")}`;

const waiting: InboxItem = {
  ...{ taskId: id("1"), name: "production", stageName: "release-to-customers", attempt: 1 },
  ...{ domain: "default", namespace: "default", job: { name: "deploy", version: "v3" } },
  ...{ startedBy: "alexandra", gate: "CONFIRM", since: at(0), expiresAt: at(1800), required: 2, passes: 1 },
};

test("an inbox fits, with how much time is left in full", () => {
  const lines = (items: InboxItem[]) =>
    tableLines(inboxColumns(items, Date.parse(at(0)) + 1000), items, { width: 80 });
  expect(lines([waiting])).toEqual([
    "TASK                             NAME     GATE     PASS  SINCE  LEFT    BY",
    `${id("1")}  releas…  confirm  1/2   1s     29m59s  alexand…`,
  ]);
  expect(lines([{ ...waiting, onBehalfOf: "bartholomew" }])).toEqual([
    "TASK                             NAME    GATE     PASS  SINCE  LEFT    FOR  BY",
    `${id("1")}  relea…  confirm  1/2   1s     29m59s  ba…  ale…`,
  ]);
});

test("the decision record fits, with when, what and why", () => {
  const row: DecisionRecord = {
    ...{ seq: 12345, at: at(0), domain: "default", namespace: "default", taskName: "production" },
    ...{
      gate: "CONFIRM",
      act: "REFUSE",
      verdict: "PASS",
      code: "SELF_DECISION",
      user: "alexandra",
      comment: "hurry",
    },
    ...{ rule: "alexandra started the run and may not decide its gates.", source: { via: "DINGTALK_APP" } },
    ...{ previous: "0", hash: "1" },
  };
  expect(tableLines(recordColumns, [row], { width: 80 })).toEqual([
    "ROW    AT                    TASK    GATE     WHAT         WHO    VIA   WHY",
    "12345  2026-03-01T12:00:00Z  produ…  confirm  REFUSE PAS…  alex…  DIN…  alexand…",
  ]);
});
