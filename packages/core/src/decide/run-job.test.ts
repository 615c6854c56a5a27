import { describe, expect, test } from "vitest";
import { createState } from "../decide.ts";
import { renderRun } from "../dry-run.ts";
import { DEFAULT_SCOPE } from "../schema/scalars.ts";
import { jobOf } from "../testing/documents.ts";
import { OPERATOR, person, refusal, STARTER } from "../testing/play.ts";
import { playJob, playPipeline } from "../testing/start.ts";
import { seal, tokenOf, World } from "../testing/world.ts";

const T0 = "2026-01-01T00:00:00.000Z";
const id = "task-00000000000000000000000042";

describe("runJob", () => {
  test("keeps a kubeconfig sealed that nobody declared sensitive", () => {
    const text = "kind: Config\nusers: [{user: {token: t0ken-value}}]";
    const runParams = { _kube_config: text, _kube_config_from: "MANUAL" };
    const declared = Object.keys(runParams).map((name) => ({ name, usageType: "RUNNER" as const }));
    const play = playJob({ id, runParams }, { runParams: declared });
    expect(play.task().params?.[0]).toEqual({
      name: "_kube_config",
      value: seal(text),
      usageType: "RUNNER",
      valueType: "TEXT",
      setBy: "TASK",
      sensitive: true,
    });
    expect(JSON.stringify(play.decisions)).not.toContain("t0ken-value");
    play.report("noop", "FAILED", { message: `refused: ${text}` });
    expect(play.task().status.message).toBe("refused: ***");
  });

  test("runs a job as a task of its own, in the scope of who asked", () => {
    const play = playJob(
      { id, name: "mine", labels: { a: "request" }, runParams: { V: "2" }, timeout: "10s" },
      { runParams: [{ name: "V", searchLabel: true }], timeout: "1h" },
      { scope: { domain: "shop", namespace: "web" } },
    );
    expect(play.decisions).toEqual([
      {
        id,
        definition: {
          jobs: {
            "job-noop": jobOf("noop", { runParams: [{ name: "V", searchLabel: true }], timeout: "1h" }),
          },
          task: {
            name: "mine",
            job: "#job-noop",
            labels: { a: "request" },
            runParams: [{ name: "V", value: "2" }],
            timeout: "10s",
          },
          runParams: [],
        },
        tasks: [
          {
            id,
            domain: "shop",
            namespace: "web",
            name: "mine",
            job: { id: "job-noop", name: "noop", version: "v1" },
            runnerType: "FAKE",
            attempt: 1,
            status: { stage: "CREATING" },
            labels: { a: "request", V: "2" },
            params: [{ name: "V", value: "2", usageType: "ENV", valueType: "TEXT", setBy: "TASK" }],
            timeoutMs: 10_000,
            wakeAt: "2026-01-01T00:00:10.000Z",
            startedBy: "starter",
            createdAt: T0,
            updatedAt: T0,
            revision: 1,
          },
        ],
        history: [
          {
            type: "TASK_STAGE",
            at: T0,
            domain: "shop",
            namespace: "web",
            taskId: id,
            name: "mine",
            attempt: 1,
            from: "PENDING",
            stage: "CREATING",
            actor: "starter",
          },
        ],
        effects: [{ kind: "START", taskId: id, attempt: 1 }],
        claims: [],
        releases: [],
        notices: [],
        records: [],
      },
    ]);
  });

  test("with `skipRun` makes it SKIPPED with the message `skip run`", () => {
    const play = playJob({ skipRun: true }, { runParams: [{ name: "V", required: true }] });
    expect([play.task().status, play.effects()]).toEqual([
      { stage: "SKIPPED", message: "skip run" },
      ["RELEASE noop"],
    ]);
  });

  test("ends the task as its own aggregate, and lets go what the runner kept for it", () => {
    const play = playJob();
    play.report("noop", "ACTIVE");
    play.report("noop", "SUCCEEDED");
    expect(play.lines()).toEqual([
      "noop: PENDING -> CREATING",
      "noop: CREATING -> ACTIVE",
      "noop: ACTIVE -> SUCCEEDED",
    ]);
    expect(play.effects()).toEqual(["START noop 1", "RELEASE noop"]);
  });

  test("refuses a request that names no job", () => {
    const world = new World();
    const create = () =>
      createState({ type: "runJob", request: {}, scope: DEFAULT_SCOPE }, world.context(STARTER));
    expect(refusal(create)).toBe("BAD_REQUEST: name the job to run in `job`, e.g. `docker_build:v1`");
  });

  test("refuses all missing params at once", () => {
    const runParams = [
      { name: "X", required: true },
      { name: "Y", required: true },
    ];
    expect(refusal(() => playJob({}, { runParams }))).toBe(
      "INVALID_PARAMS: task `noop`: param X is required and has no value; param Y is required and has no value",
    );
  });

  test("renders the spec for a dry run, with secrets masked", () => {
    const world = new World();
    const job = jobOf("noop", {
      runnerSpec: { args: ["${V}", "${KEY}"] },
      runParams: [
        { name: "V", usageType: "TEMPLATE" },
        { name: "KEY", usageType: "TEMPLATE", sensitive: true, value: "k3y-value" },
      ],
    });
    const change = { type: "runJob", request: { runParams: { V: "1" } }, scope: DEFAULT_SCOPE, job } as const;
    const state = createState(change, world.context(STARTER));
    expect(renderRun(state, world.context(STARTER)).map(({ spec }) => spec)).toEqual([
      { args: ["1", "***"] },
    ]);
  });

  test("seals sensitive values, and those that the request marks so", () => {
    const runParams = [
      { name: "TOKEN", value: "t0ken" },
      { name: "KEY", value: "k3y", sensitive: true },
    ];
    const play = playJob({ runParams }, { runParams: [{ name: "TOKEN", sensitive: true }, { name: "KEY" }] });
    expect(play.task().params?.map(({ name, value }) => [name, value])).toEqual([
      ["TOKEN", seal("t0ken")],
      ["KEY", seal("k3y")],
    ]);
    expect(JSON.stringify(play.decisions)).not.toMatch(/t0ken|k3y/);
  });
});

describe("runJob on a task that exists", () => {
  const audit = { auditors: ["ann"] };

  test("leaves a task whose audit is WAITING as it is", () => {
    const play = playJob({ audit });
    expect([play.rerun(), play.task().audit?.stage]).toEqual([
      {
        ...{ id: play.state.id, tasks: [], history: [], effects: [] },
        ...{ claims: [], releases: [], notices: [], records: [] },
      },
      "WAITING",
    ]);
  });

  test("is refused after a DENY", () => {
    const play = playJob({ audit });
    play.audit("noop", "DENY", "ann", "no");
    expect(refusal(() => play.rerun())).toBe(
      `AUDIT_DENIED: the audit of task \`noop\` (${play.state.id}) was denied`,
    );
  });

  const underWay: [string, (play: ReturnType<typeof playJob>) => void][] = [
    ["SCHEDULING", (play) => play.audit("noop", "PASS", "ann")],
    [
      "CREATING",
      (play) => {
        play.world.slots = 1;
        play.audit("noop", "PASS", "ann");
      },
    ],
    [
      "ACTIVE",
      (play) => {
        play.world.slots = 1;
        play.audit("noop", "PASS", "ann");
        play.report("noop", "ACTIVE");
      },
    ],
    [
      "CANCELING",
      (play) => {
        play.world.slots = 1;
        play.audit("noop", "PASS", "ann");
        play.cancel("noop");
      },
    ],
  ];
  test.each(underWay)("is a conflict that names a task in %s", (stage, bring) => {
    const play = playJob({ audit }, {}, { world: new World({ slots: 0 }) });
    bring(play);
    expect(refusal(() => play.rerun())).toBe(
      `TASK_IS_RUNNING: task \`noop\` (${play.state.id}) is ${stage}; wait for its end or cancel it`,
    );
  });

  test("starts a new attempt of an ended one, which keeps the earlier with its status", () => {
    const play = playJob({ timeout: "10s" });
    play.output("noop", { A: "1" }, "# done");
    play.report("noop", "FAILED", { reason: "EXIT_CODE", message: "exit code 1" });
    const { status, updatedAt, ...before } = play.task();
    play.world.nowMs += 60_000;
    play.rerun(person("other"));
    const second = play.task();
    expect({ ...second, status: { ...second.status } }).toEqual({
      ...before,
      attempt: 2,
      status: { stage: "CREATING" },
      pastAttempts: [{ attempt: 1, status }],
      startedBy: "other",
      wakeAt: "2026-01-01T00:01:10.000Z",
      updatedAt: play.world.now,
      revision: before.revision + 1,
    });
    expect([updatedAt, play.lines().slice(-2), play.effects()]).toEqual([
      T0,
      ["noop: FAILED -> PENDING", "noop: PENDING -> CREATING"],
      ["START noop 1", "RELEASE noop", "START noop 2"],
    ]);
  });

  test.each(["SUCCEEDED", "FAILED", "CANCELED"] as const)("starts a new attempt after %s", (stage) => {
    const play = playJob();
    play.report("noop", stage);
    play.rerun();
    play.report("noop", "SUCCEEDED");
    expect([play.task().attempt, play.task().status]).toEqual([2, { stage: "SUCCEEDED", endAt: T0 }]);
  });

  test("voids the passes of the earlier attempt: auditors and checkers decide again", () => {
    const confirm = { checkers: ["ann"] };
    const play = playJob({ audit, confirm });
    play.audit("noop", "PASS", "ann");
    play.report("noop", "SUCCEEDED");
    play.confirm("noop", "PASS", "ann");
    const past = play.task();
    play.rerun();
    const gates = [play.task().audit, play.task().confirm];
    expect(gates.map((gate) => [gate?.stage, gate?.decisions])).toEqual([
      ["WAITING", []],
      ["PENDING", []],
    ]);
    expect(play.task().pastAttempts).toEqual([
      { attempt: 1, status: past.status, audit: past.audit, confirm: past.confirm },
    ]);
    play.audit("noop", "PASS", "ann");
    expect(play.effects().slice(-1)).toEqual(["START noop 2"]);
  });

  test("voids the update token of the earlier attempt", () => {
    const play = playJob();
    const old = tokenOf(play.state.id, 1);
    play.report("noop", "FAILED");
    play.rerun();
    expect(refusal(() => play.status("noop", "SUCCEEDED", { updateToken: old }))).toBe(
      "UNAUTHORIZED: the update token is not valid for this task",
    );
  });

  test("ignores and records what is still reported of the earlier attempt", () => {
    const play = playJob();
    play.report("noop", "FAILED");
    play.rerun();
    const late = play.report("noop", "SUCCEEDED", { attempt: 1 });
    expect([play.lines(late), play.task().status.stage]).toEqual([
      ["noop: LATE_REPORT SUCCEEDED"],
      "CREATING",
    ]);
  });

  test("is refused for a task whose turn has not come", () => {
    const play = playPipeline("a b");
    const { id } = play.task("b");
    const change = { type: "runJob", request: { id }, scope: DEFAULT_SCOPE } as const;
    expect(refusal(() => play.submit(change))).toBe(
      `TASK_IS_RUNNING: task \`b\` (${id}) is PENDING; wait for its end or cancel it`,
    );
  });

  test("is refused for a task of a run", () => {
    const play = playPipeline("a b");
    play.report("a", "FAILED");
    const change = { type: "runJob", request: { id: play.task("a").id }, scope: DEFAULT_SCOPE } as const;
    expect(refusal(() => play.submit(change, OPERATOR))).toBe(
      `CONFLICT: task \`a\` (${play.task("a").id}) belongs to run ${play.run.id}; run that again instead, e.g. with \`mflow rerun ${play.run.id} --from a\``,
    );
  });
});
