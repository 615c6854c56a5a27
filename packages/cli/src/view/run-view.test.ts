import { expect, test } from "vitest";
import { makeStyle } from "../display/style.ts";
import { displayWidth } from "../display/width.ts";
import { at, loneTask, runOf, START, type TaskSketch, waitingGate } from "../testing/watched-run.ts";
import { runView, type ViewOptions } from "./run-view.ts";

const plain = makeStyle({ color: false, unicode: true });

function view(watched: ReturnType<typeof runOf>, options: Partial<ViewOptions> = {}): string[] {
  const defaults = { columns: 80, rows: 24, now: START + 12_000, style: plain, command: "mflow" };
  return runView(watched, { ...defaults, ...options });
}

const busy = runOf({
  build: [
    { name: "checkout", stage: "SUCCEEDED", from: 0, to: 1.2 },
    { name: "compile", stage: "ACTIVE", from: 1.3 },
    {
      name: "lint",
      stage: "FAILED",
      from: 1.3,
      to: 4.5,
      reason: "EXIT_CODE",
      message: "step `lint` ended with exit code 2",
    },
    { name: "docs", stage: "SCHEDULING", waitingFor: "waits for one of 4 slots; 3 tasks are before it" },
  ],
  deploy: [
    {
      name: "staging",
      stage: "PENDING",
      audit: waitingGate(["alice", "@ops"], { required: 2, openedAt: at(7) }),
    },
    { name: "production", waitingFor: "waits for its turn" },
  ],
});

test("a view shows stages, tasks, times, and what waits for whom with the command to decide", () => {
  expect(view(busy)).toEqual([
    "release  ACTIVE  12s                              run-00000000000000000000000001",
    " build  2/4",
    "  ✔ checkout    SUCCEEDED    1.2s",
    "  ● compile     ACTIVE        10s",
    "  ✘ lint        FAILED       3.2s  step `lint` ended with exit code 2",
    "  ◌ docs        SCHEDULING         waits for one of 4 slots; 3 tasks are before…",
    " deploy  0/2",
    "  ◆ staging     WAITING        5s  audit by @ops (0 of 2)",
    "    │ mflow audit task-00000000000000000000000005 --pass  (or: --deny -m WHY)",
    "  · production  PENDING",
  ]);
});

test("where a gate can be decided right here, no command says how", () => {
  const [task] = busy.tasks.filter(({ name }) => name === "staging");
  const lines = view(busy, { decidedHere: task?.id });
  expect(lines.filter((line) => line.includes("audit"))).toEqual([
    "  ◆ staging     WAITING        5s  audit by @ops (0 of 2)",
  ]);
});

test("a confirm shows the result that is to be confirmed", () => {
  const gate = waitingGate(["bob"]);
  const run = runOf({
    deploy: [{ name: "go", stage: "ACTIVE", from: 0, to: 3, reported: "SUCCEEDED", confirm: gate }],
  });
  expect(view(run).slice(1)).toEqual([
    " deploy  0/1",
    "  ◆ go        WAITING        3s  SUCCEEDED, confirm by bob (0 of 1)",
    "    │ mflow confirm task-00000000000000000000000001 --pass  (or: --deny -m WHY)",
  ]);
});

test("a command that does not fit beside its alternative keeps a line of its own", () => {
  const run = runOf({ go: [{ name: "go", audit: waitingGate(["bob"]) }] });
  expect(view(run, { command: "mflow --data /srv/mflow" }).slice(3)).toEqual([
    "    │ mflow --data /srv/mflow audit task-00000000000000000000000001 --pass",
    "    │   or: --deny -m WHY",
  ]);
});

test("an ended run says why it ended", () => {
  const failed = runOf(
    { build: [{ name: "test", stage: "FAILED", from: 0, to: 2, reason: "EXIT_CODE" }] },
    { stage: "FAILED", to: 2, message: "task `test` failed" },
  );
  expect(view(failed, { now: START + 99_000 })).toEqual([
    "release  FAILED  2s                               run-00000000000000000000000001",
    " build  1/1",
    "  ✘ test      FAILED         2s  EXIT_CODE",
    " task `test` failed",
  ]);
});

test("a task that runs alone has no line for a stage", () => {
  expect(view(loneTask({ name: "hello", stage: "ACTIVE", from: 2 }))).toEqual([
    "hello  ACTIVE  10s                               task-00000000000000000000000001",
    "  ● hello     ACTIVE        10s",
  ]);
});

test("wide characters line up, and long names are cut", () => {
  const run = runOf(
    { 构建: [{ name: "编译" }, { name: "a-name-that-is-much-longer-than-a-table-wants" }] },
    { name: "发布" },
  );
  expect(view(run)).toEqual([
    "发布  ACTIVE  12s                                 run-00000000000000000000000001",
    " 构建  0/2",
    "  · 编译                              PENDING",
    "  · a-name-that-is-much-longer-than…  PENDING",
  ]);
});

test("a locale without Unicode gets symbols that it can show", () => {
  const lines = view(busy, { style: makeStyle({ color: false, unicode: false }) });
  expect(lines.slice(2, 6).map((line) => line.slice(0, 5))).toEqual(["  + c", "  * c", "  x l", "  o d"]);
});

test("no line is wider than the terminal, whatever its width", () => {
  for (let columns = 40; columns <= 120; columns++) {
    const wide = view(busy, { columns })
      .filter((line) => !line.includes("mflow audit"))
      .filter((line) => displayWidth(line) > columns);
    expect({ columns, wide }).toEqual({ columns, wide: [] });
  }
});

function many(count: number, stage: TaskSketch["stage"], name = "t"): TaskSketch[] {
  return Array.from({ length: count }, (_, index) => ({ name: `${name}${index + 1}`, stage }));
}

test("when there is no room for all, stages that are done close up first, then those ahead", () => {
  const run = runOf({
    fetch: many(3, "SUCCEEDED"),
    build: many(3, "ACTIVE"),
    deploy: many(3, "PENDING"),
    announce: many(3, "PENDING"),
  });
  expect(view(run, { rows: 12 }).slice(1)).toEqual([
    " fetch  3/3",
    " build  0/3",
    "  ● t1        ACTIVE",
    "  ● t2        ACTIVE",
    "  ● t3        ACTIVE",
    " deploy  0/3",
    "  · t1        PENDING",
    "  · t2        PENDING",
    "  · t3        PENDING",
    " announce  0/3",
  ]);
});

test("when there is still no room, the least interesting tasks are counted instead", () => {
  const run = runOf({
    build: [
      ...many(40, "SUCCEEDED"),
      ...many(20, "PENDING", "p"),
      { name: "bad", stage: "FAILED" },
      ...many(2, "ACTIVE", "a"),
    ],
    deploy: many(3, "PENDING"),
  });
  expect(view(run, { rows: 8 }).slice(1)).toEqual([
    " build  41/63",
    "  · p1        PENDING",
    "  ✘ bad       FAILED",
    "  ● a1        ACTIVE",
    "  ● a2        ACTIVE",
    "  … 59 more: 40 succeeded, 19 pending",
    " deploy  0/3",
  ]);
});

test("with less room than stages, those under way stay and the rest is counted", () => {
  const stages: Record<string, TaskSketch[]> = {};
  for (let number = 1; number <= 30; number++) {
    stages[`s${number}`] = many(2, number < 10 ? "SUCCEEDED" : number === 10 ? "ACTIVE" : "PENDING");
  }
  expect(view(runOf(stages), { rows: 5 }).slice(1)).toEqual([
    " s10  0/2",
    "  ● t1        ACTIVE",
    "  ● t2        ACTIVE",
    " … 9 done, 20 ahead",
  ]);
});

test("the view never takes more lines than it may", () => {
  const run = runOf({
    a: many(5, "SUCCEEDED"),
    b: [...many(5, "ACTIVE"), { name: "w", audit: waitingGate(["bob"]) }],
    c: many(5, "PENDING"),
  });
  for (let rows = 3; rows <= 24; rows++) {
    const lines = view(run, { rows }).length;
    expect({ rows, fits: lines <= rows }).toEqual({ rows, fits: true });
  }
});
