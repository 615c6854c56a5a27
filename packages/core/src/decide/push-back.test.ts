import { describe, expect, test } from "vitest";
import type { TaskSpec } from "../schema/pipeline.ts";
import { makeState } from "../state.ts";
import { type Play, person, refusal, STARTER } from "../testing/play.ts";
import { type PlayOptions, playJob, playPipeline, playSpec } from "../testing/start.ts";
import { tokenOf, World } from "../testing/world.ts";

const T0 = "2026-01-01T00:00:00.000Z";
const confirm = { checkers: ["ann", "bob"] };

/** A run of the shape in which the named tasks have a confirm. */
function play(shape: string, confirmed: string[], options: PlayOptions = {}): Play {
  const tasks: Record<string, Partial<TaskSpec>> = { ...options.tasks };
  for (const name of confirmed) tasks[name] = { confirm, ...tasks[name] };
  return playPipeline(shape, { ...options, tasks });
}

function succeed(run: Play, ...names: string[]): void {
  for (const name of names) run.report(name, "SUCCEEDED");
}

const openOf = (run: Play) => run.run.status.progress.open;
const attempts = (run: Play) => [...run.state.tasks.values()].map(({ name, attempt }) => `${name}${attempt}`);

describe("a result that is pushed back", () => {
  test("lets the named task and all after it run again, and keeps what they were", () => {
    const run = play("a b > c d", ["d"]);
    succeed(run, "a", "b", "c", "d");
    const pushed = run.pushBack("d", "b", "ann", "the map is wrong");
    expect(run.lines(pushed)).toEqual([
      "d: CONFIRM_DECISION PUSH_BACK",
      "d: CONFIRM_PUSH_BACK",
      "b: SUCCEEDED -> PENDING",
      "c: SUCCEEDED -> PENDING",
      "d: ACTIVE -> PENDING",
      "b: PENDING -> CREATING",
    ]);
    expect(pushed.history[1]?.message).toBe("back to `b`: the map is wrong");
    expect([run.effects(pushed), openOf(run), attempts(run)]).toEqual([
      ["START b 2"],
      1,
      ["a1", "b2", "c1", "d1"],
    ]);
    const { status, pastAttempts, pushBacks, confirm: fresh } = run.task("d");
    expect({ status, pushBacks, fresh }).toEqual({
      status: { stage: "PENDING" },
      pushBacks: 1,
      fresh: {
        people: ["ann", "bob"],
        required: 1,
        allowSelf: false,
        maxPushBacks: 3,
        stage: "PENDING",
        decisions: [],
      },
    });
    const past = run.state.tasks.get(run.task("d").id)?.pastAttempts?.[0];
    expect(pastAttempts).toEqual([
      {
        attempt: 1,
        status: {
          stage: "CANCELED",
          reason: "PUSHED_BACK",
          message: "pushed back to `b` by ann: the map is wrong",
          reported: { stage: "SUCCEEDED", at: T0 },
          endAt: T0,
        },
        confirm: expect.objectContaining({
          stage: "CLOSED",
          closedAt: T0,
          decisions: [
            {
              user: "ann",
              verdict: "PUSH_BACK",
              pushBackTo: "b",
              comment: "the map is wrong",
              at: T0,
              digest: past?.confirm?.digest,
            },
          ],
        }),
      },
    ]);
    expect(run.task("c").pastAttempts?.map(({ attempt, status: was }) => [attempt, was.stage])).toEqual([
      [1, "SUCCEEDED"],
    ]);
    succeed(run, "b", "c", "d");
    run.confirm("d", "PASS", "ann");
    expect([run.run.status.stage, attempts(run)]).toEqual(["SUCCEEDED", ["a1", "b2", "c2", "d2"]]);
  });

  test("gives its feedback to the named task alone, until that runs again for another reason", () => {
    const run = play("a b c", ["b", "c"]);
    succeed(run, "a", "b");
    run.pushBack("b", "a", "ann", "first");
    expect(["a", "b", "c"].map((name) => run.task(name).feedback)).toEqual(["first", undefined, undefined]);
    succeed(run, "a", "b");
    run.pushBack("b", "b", "ann", "second");
    expect(["a", "b"].map((name) => run.task(name).feedback)).toEqual(["first", "second"]);
    succeed(run, "b");
    run.confirm("b", "PASS", "ann");
    succeed(run, "c");
    run.pushBack("c", "a", "ann", "third");
    expect(["a", "b"].map((name) => run.task(name).feedback)).toEqual(["third", undefined]);
    expect(run.task("b").pushBacks).toBe(2);
  });

  test("to itself runs it alone in a new attempt", () => {
    const run = play("a > b > c", ["b"]);
    succeed(run, "a", "b");
    expect(run.effects(run.pushBack("b"))).toEqual(["START b 2"]);
    expect([attempts(run), openOf(run)]).toEqual([["a1", "b2", "c0"], 1]);
  });

  test("of a lone task runs it again, with feedback; run again by a person it has none", () => {
    const run = playJob({ confirm });
    run.report("noop", "FAILED");
    expect(run.effects(run.pushBack("noop"))).toEqual(["START noop 2"]);
    expect([run.task().feedback, run.task().pushBacks, run.task().startedBy]).toEqual([
      "once more",
      1,
      "starter",
    ]);
    run.report("noop", "FAILED");
    run.confirm("noop", "DENY", "ann", "no");
    run.rerun();
    expect([run.task().attempt, run.task().feedback, run.task().pushBacks]).toEqual([
      3,
      undefined,
      undefined,
    ]);
  });

  test("voids passes: an audit of what runs again waits anew, for a digest of its own", () => {
    const audit = { auditors: ["bob", "@leads"] };
    const world = new World({ groups: { leads: ["lea"] } });
    const request = { auditors: [{ name: "kim", scope: { task: "a" } }] };
    const run = play("a b", ["b"], { world, request, tasks: { a: { audit } } });
    run.audit("a", "PASS", "kim");
    succeed(run, "a", "b");
    run.pushBack("b", "a");
    const { audit: fresh, status, params } = run.task("a");
    expect([status.stage, fresh?.stage, fresh?.people, fresh?.decisions, params]).toEqual([
      "PENDING",
      "WAITING",
      ["bob", "@leads", "kim"],
      [],
      [],
    ]);
    expect(run.task("a").pastAttempts?.[0]?.audit?.stage).toBe("PASS");
    run.audit("a", "PASS", "bob");
    expect(run.task("a").status.stage).toBe("CREATING");
  });

  test("takes back what the tasks handed on, also for what opens at the same moment", () => {
    const jobs = {
      noop: {
        runParams: [
          { name: "V", value: "default" },
          { name: "W", value: "default" },
        ],
      },
    };
    const run = play("a b c > d", ["c"], { jobs });
    run.report("a", "SUCCEEDED", { runtimeEnvs: { V: "by a" } });
    run.report("b", "SUCCEEDED", { runtimeEnvs: { V: "by b", W: "by b" } });
    run.report("c", "SUCCEEDED", { runtimeEnvs: { V: "by c" } });
    run.pushBack("c", "b");
    const values = (name: string) => run.task(name).params?.map(({ value }) => value);
    expect([values("b"), [...run.state.exported]]).toEqual([["by a", "default"], [["V", "by a"]]]);
    const { id, definition, tasks } = run.state;
    const reloaded = makeState(id, run.run, definition, [...tasks.values()]);
    expect([...reloaded.exported]).toEqual([["V", "by a"]]);
    run.report("b", "SUCCEEDED", { runtimeEnvs: { W: "again" } });
    expect([values("c"), run.task("c").labels]).toEqual([["by a", "again"], undefined]);
  });

  test("ends the alarm of its gate, and starts anew the timeout of what runs again", () => {
    const run = play("a", ["a"], {
      tasks: { a: { confirm: { ...confirm, expiresIn: "1h" }, timeout: "10s" } },
    });
    succeed(run, "a");
    run.world.nowMs += 1000;
    run.pushBack("a");
    expect(run.task("a").wakeAt).toBe("2026-01-01T00:00:11.000Z");
  });

  test("ends the wait for a slot, and waits for one like everybody", () => {
    const run = play("a > [b c]", ["b"], { world: new World({ slots: 1 }) });
    succeed(run, "a", "b");
    expect(run.stages).toEqual(["a: SUCCEEDED", "b: ACTIVE", "c: SCHEDULING"]);
    run.pushBack("b", "a");
    expect(run.stages).toEqual(["a: SCHEDULING", "b: PENDING", "c: PENDING"]);
    run.taskTurn("a");
    expect(run.effects().at(-1)).toBe("START a 2");
    expect(run.task("c").pastAttempts?.[0]?.status).toMatchObject({
      stage: "CANCELED",
      reason: "PUSHED_BACK",
    });
  });

  test("skips again what is skipped, and forgets a failure that was ignored", () => {
    const run = play("a b c d", ["d"], { tasks: { b: { skipRun: true }, c: { ignoreFailed: true } } });
    succeed(run, "a");
    run.report("c", "FAILED");
    succeed(run, "d");
    run.pushBack("d", "a");
    succeed(run, "a");
    expect(run.stages).toEqual(["a: SUCCEEDED", "b: SKIPPED", "c: CREATING", "d: PENDING"]);
    expect(run.task("b").pastAttempts?.map(({ status }) => status.stage)).toEqual(["SKIPPED"]);
  });

  test("leaves canceled what was canceled before its turn", () => {
    const run = play("a > b > z", ["b"], { stages: { s3: { finally: true } } });
    run.submit({ type: "cancelStage", stage: "s3", request: {} }, STARTER);
    succeed(run, "a", "b");
    run.pushBack("b", "a");
    expect(run.stages).toEqual(["a: CREATING", "b: PENDING", "z: CANCELED"]);
  });

  test("is not changed by what is still said of the attempts before", () => {
    const run = play("a b", ["b"]);
    succeed(run, "a", "b");
    run.pushBack("b", "a");
    const { id, attempt } = run.task("b");
    const late = run.submit({ type: "report", report: { taskId: id, attempt, stage: "FAILED", at: T0 } });
    expect([run.lines(late), late.tasks]).toEqual([["b: LATE_REPORT FAILED"], []]);
    const request = { stage: "SUCCEEDED" as const, updateToken: tokenOf(id, attempt) };
    expect(refusal(() => run.submit({ type: "updateStatus", taskId: id, request }))).toMatch(
      /^ILLEGAL_TRANSITION: .* is PENDING; it cannot become SUCCEEDED/,
    );
  });

  test("is told by the decision record with the feedback", () => {
    const run = playJob({ confirm });
    succeed(run, "noop");
    const { records } = run.pushBack("noop", "noop", "ann", "sharper");
    expect(
      records.map((row) => [row.act, row.user, row.verdict, row.pushBackTo, row.comment, row.attempt]),
    ).toEqual([["DECIDE", "ann", "PUSH_BACK", "noop", "sharper", 1]]);
  });
});

describe("in a parallel stage", () => {
  test("siblings of the named task stay as they ended, and are stepped over", () => {
    const run = play("[a b c]/1 > d", ["d"]);
    succeed(run, "a", "b", "c", "d");
    run.pushBack("d", "b");
    expect([run.stages, openOf(run)]).toEqual([
      ["a: SUCCEEDED", "b: CREATING", "c: SUCCEEDED", "d: PENDING"],
      1,
    ]);
    succeed(run, "b");
    expect([run.stages, openOf(run)]).toEqual([
      ["a: SUCCEEDED", "b: SUCCEEDED", "c: SUCCEEDED", "d: CREATING"],
      1,
    ]);
  });

  test("a task that is pushed back to itself runs again while its siblings go on", () => {
    const run = play("[a b c d]/3", ["b"]);
    succeed(run, "a", "b");
    run.pushBack("b");
    expect([run.stages, openOf(run), attempts(run)]).toEqual([
      ["a: SUCCEEDED", "b: CREATING", "c: CREATING", "d: CREATING"],
      3,
      ["a1", "b2", "c1", "d1"],
    ]);
    succeed(run, "b", "c", "d");
    run.confirm("b", "PASS", "ann");
    expect(run.run.status.stage).toBe("SUCCEEDED");
  });

  test("siblings that only wait for people are reset with it", () => {
    const run = play("a > [b c d]", ["b", "c"], { tasks: { d: { audit: { auditors: ["bob"] } } } });
    succeed(run, "a", "b", "c");
    const pushed = run.pushBack("b", "a");
    expect(run.lines(pushed).slice(2)).toEqual([
      "a: SUCCEEDED -> PENDING",
      "b: ACTIVE -> PENDING",
      "c: CONFIRM_CLOSED",
      "c: ACTIVE -> PENDING",
      "d: AUDIT_CLOSED",
      "a: PENDING -> CREATING",
    ]);
    const gates = ["c", "d"].map((name) => run.task(name).pastAttempts?.[0]);
    expect([gates[0]?.confirm?.stage, gates[1]?.audit?.stage, gates[1]?.status.stage]).toEqual([
      "CLOSED",
      "CLOSED",
      "CANCELED",
    ]);
    expect(refusal(() => run.audit("d", "PASS", "bob"))).toMatch(/^GATE_NOT_OPEN: .* has not opened yet/);
  });

  test("a result is not pushed back past a sibling whose work runs", () => {
    const run = play("a > [b c]", ["b"]);
    succeed(run, "a", "b");
    const before = JSON.stringify([...run.state.tasks.values()]);
    expect(refusal(() => run.pushBack("b", "a"))).toBe(
      "PUSH_BACK_REFUSED: task `c` would run again and is CREATING; wait for its end, or cancel the run",
    );
    expect(JSON.stringify([...run.state.tasks.values()])).toBe(before);
    succeed(run, "c");
    expect(run.effects(run.pushBack("b", "a"))).toEqual(["START a 2"]);
  });

  test("nor past one whose status call is awaited, for its work may go on elsewhere", () => {
    const run = play("a > [b c]", ["b"], {
      jobs: { manual: { manualUpdateStatus: true } },
      tasks: { c: { job: "manual" } },
    });
    succeed(run, "a", "b", "c");
    expect(refusal(() => run.pushBack("b", "a"))).toMatch(/^PUSH_BACK_REFUSED: task `c` would run again/);
  });
});

describe("a push back is refused", () => {
  const waiting = (shape: string, name: string, before: string[] = []) => {
    const run = play(shape, [name]);
    succeed(run, ...before, name);
    return run;
  };
  const cases: [string, () => unknown, string][] = [
    [
      "to a later task",
      () => waiting("a b c", "b", ["a"]).pushBack("b", "c"),
      "PUSH_BACK_REFUSED: `c` is neither task `b` nor one before it; these may run again: a, b",
    ],
    [
      "to a sibling that runs beside it",
      () => waiting("a > [b c]", "b", ["a"]).pushBack("b", "c"),
      "PUSH_BACK_REFUSED: `c` is neither task `b` nor one before it; these may run again: a, b",
    ],
    [
      "to a task that there is not",
      () => waiting("build b", "b", ["build"]).pushBack("b", "biuld"),
      "PUSH_BACK_REFUSED: `biuld` is neither task `b` nor one before it; these may run again: build, b; did you mean `build`?",
    ],
    [
      "to no task",
      () => {
        const run = waiting("a b", "b", ["a"]);
        const request = { verdict: "PUSH_BACK" as const, comment: "x" };
        return run.submit({ type: "confirm", taskId: run.task("b").id, request }, person("ann"));
      },
      "BAD_REQUEST: a PUSH_BACK names the task that runs again in `pushBackTo`: a, b",
    ],
    [
      "of a lone task to another",
      () => {
        const run = playJob({ confirm });
        succeed(run, "noop");
        return run.pushBack("noop", "other");
      },
      "PUSH_BACK_REFUSED: `other` is neither task `noop` nor one before it; these may run again: noop",
    ],
    [
      "without feedback",
      () => waiting("a", "a").pushBack("a", "a", "ann", " "),
      "COMMENT_REQUIRED: to push back the confirm of task `a`, say why in `comment`",
    ],
    [
      "by somebody who is not listed",
      () => waiting("a", "a").pushBack("a", "a", "eve"),
      "NOT_LISTED: eve is not listed for the confirm of task `a`; these may decide: ann, bob",
    ],
    [
      "of an audit",
      () => {
        const run = playJob({ audit: { auditors: ["ann"] } });
        const request = { verdict: "PUSH_BACK" as const, comment: "x", pushBackTo: "noop" };
        return run.submit({ type: "audit", taskId: run.state.id, request }, person("ann"));
      },
      "PUSH_BACK_REFUSED: an audit is passed or denied; only a confirm pushes a result back",
    ],
    [
      "with another verdict",
      () => {
        const run = waiting("a", "a");
        const request = { verdict: "PASS" as const, pushBackTo: "a" };
        return run.submit({ type: "confirm", taskId: run.task("a").id, request }, person("ann"));
      },
      "BAD_REQUEST: `pushBackTo` belongs to the verdict PUSH_BACK, not to PASS; leave it out",
    ],
    [
      "while the run fails",
      () => {
        const run = waiting("[a b]", "a");
        run.report("b", "FAILED");
        return run.pushBack("a");
      },
      "PUSH_BACK_REFUSED: run run-00000000000000000000000001 is failing, and nothing more starts; pass or deny the result",
    ],
    [
      "where the confirm forbids it",
      () => {
        const run = play("a", ["a"], { tasks: { a: { confirm: { ...confirm, maxPushBacks: 0 } } } });
        succeed(run, "a");
        return run.pushBack("a");
      },
      "PUSH_BACK_REFUSED: `maxPushBacks: 0` of the confirm of task `a` forbids to push its result back; pass or deny it",
    ],
    [
      "once it was pushed back as often as may be",
      () => {
        const run = waiting("a", "a");
        for (let time = 0; time < 3; time++) {
          run.pushBack("a");
          succeed(run, "a");
        }
        return run.pushBack("a");
      },
      "PUSH_BACK_REFUSED: the result of task `a` was pushed back 3 times, which is `maxPushBacks`; pass or deny it",
    ],
  ];
  test.each(cases)("%s", (_when, act, message) => {
    expect(refusal(act)).toBe(message);
  });

  test("where two stages have a task of the name, unless the stage is named", () => {
    const task = (name: string) => ({ name, job: "noop" });
    const run = playSpec({
      stages: [
        { name: "one", tasks: [task("a")] },
        { name: "two", tasks: [task("a"), { ...task("b"), confirm }] },
      ],
    });
    for (const each of run.state.tasks.values()) {
      run.submit({ type: "report", report: { taskId: each.id, attempt: 1, stage: "SUCCEEDED", at: T0 } });
    }
    expect(refusal(() => run.pushBack("b", "a"))).toBe(
      "PUSH_BACK_REFUSED: more than one task is called `a`; write `one/a` or `two/a`",
    );
    expect(refusal(() => run.pushBack("b", "c"))).toMatch(/these may run again: one\/a, two\/a, b/);
    run.pushBack("b", "two/a");
    expect(run.stages).toEqual(["a: SUCCEEDED", "a: CREATING", "b: PENDING"]);
  });
});
