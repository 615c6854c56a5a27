import { describe, expect, test } from "vitest";
import { MflowError } from "./errors.ts";
import { TASK_STAGES, type TaskStage } from "./schema/job-task.ts";
import { CAUSES, type Cause, isAtWork, isEnded, nextStage, TRANSITIONS } from "./transitions.ts";
import { transitionsMarkdown } from "./transitions-table.ts";

const task = { id: "task-1", name: "build" };

/** Every legal move; whatever is not here is refused. */
const legal: Record<string, TaskStage> = {
  "PENDING skip": "SKIPPED",
  "PENDING wait": "SCHEDULING",
  "PENDING start": "CREATING",
  "PENDING fail": "FAILED",
  "PENDING drop": "CANCELED",
  "PENDING pushBack": "PENDING",
  "SCHEDULING skip": "SKIPPED",
  "SCHEDULING start": "CREATING",
  "SCHEDULING fail": "FAILED",
  "SCHEDULING drop": "CANCELED",
  "SCHEDULING withdraw": "PENDING",
  "SCHEDULING pushBack": "PENDING",
  "CREATING run": "ACTIVE",
  "CREATING hold": "ACTIVE",
  "CREATING succeed": "SUCCEEDED",
  "CREATING fail": "FAILED",
  "CREATING retry": "SCHEDULING",
  "CREATING cancel": "CANCELING",
  "CREATING gone": "CANCELED",
  "ACTIVE hold": "ACTIVE",
  "ACTIVE succeed": "SUCCEEDED",
  "ACTIVE fail": "FAILED",
  "ACTIVE retry": "SCHEDULING",
  "ACTIVE cancel": "CANCELING",
  "ACTIVE drop": "CANCELED",
  "ACTIVE gone": "CANCELED",
  "ACTIVE pushBack": "PENDING",
  "CANCELING gone": "CANCELED",
  "CANCELED rerun": "PENDING",
  "CANCELED pushBack": "PENDING",
  "FAILED rerun": "PENDING",
  "FAILED pushBack": "PENDING",
  "SUCCEEDED rerun": "PENDING",
  "SUCCEEDED pushBack": "PENDING",
  "SKIPPED rerun": "PENDING",
  "SKIPPED pushBack": "PENDING",
};

const causes = Object.keys(CAUSES) as Cause[];
const pairs = TASK_STAGES.flatMap((from) => causes.map((cause) => [from, cause] as const));

describe("the table of transitions", () => {
  test.each(pairs)("from %s by `%s` leads where the specification says, or nowhere", (from, cause) => {
    const to = legal[`${from} ${cause}`];
    if (to) {
      expect(nextStage(task, from, cause)).toBe(to);
      return;
    }
    const refused = new MflowError(
      "ILLEGAL_TRANSITION",
      `task \`build\` (task-1) is ${from}; \`${cause}\` is not possible there`,
    );
    expect(() => nextStage(task, from, cause)).toThrow(refused);
  });

  test("lets a canceling task end as CANCELED only", () => {
    expect(Object.values(TRANSITIONS.CANCELING)).toEqual(["CANCELED"]);
  });

  test("lets an ended task leave its ending only by a new attempt", () => {
    const leaving = TASK_STAGES.filter(isEnded).map((stage) => [stage, TRANSITIONS[stage]]);
    expect(leaving).toEqual([
      ["CANCELED", { rerun: "PENDING", pushBack: "PENDING" }],
      ["FAILED", { rerun: "PENDING", pushBack: "PENDING" }],
      ["SUCCEEDED", { rerun: "PENDING", pushBack: "PENDING" }],
      ["SKIPPED", { rerun: "PENDING", pushBack: "PENDING" }],
    ]);
  });

  test("says which stages are with a runner", () => {
    expect(TASK_STAGES.filter(isAtWork)).toEqual(["CREATING", "ACTIVE", "CANCELING"]);
  });
});

describe("the printed table", () => {
  test("has a line for every legal move and for every cause, in the order of the stages", () => {
    const lines = transitionsMarkdown().split("\n");
    const moves = Object.entries(legal).map(([move, to]) => {
      const [from, cause] = move.split(" ");
      return `| \`${from}\` | \`${cause}\` | \`${to}\` |`;
    });
    const who = Object.entries(CAUSES).map(([cause, meaning]) => `| \`${cause}\` | ${meaning} |`);
    expect(lines).toEqual([
      "| From | Cause | To |",
      "|---|---|---|",
      ...moves,
      "",
      "| Cause | Who, and when |",
      "|---|---|",
      ...who,
      "",
    ]);
  });
});
