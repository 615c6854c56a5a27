import { describe, expect, test } from "vitest";
import { refusal } from "../testing/play.ts";
import { playJob, playPipeline } from "../testing/start.ts";
import { seal, World } from "../testing/world.ts";

describe("an output call", () => {
  test("keeps runtime envs and markdown with the task; sent again, the last one of a name wins", () => {
    const play = playJob();
    play.output("noop", { A: "1", own: "1" }, "# first");
    const second = play.output("noop", { A: "2", B: "" });
    expect(play.task().status).toEqual({
      stage: "CREATING",
      runtimeEnvs: { A: "2", own: "1", B: "" },
      markdownOutput: "# first",
    });
    expect(second.history.map(({ type, message }) => [type, message])).toEqual([["TASK_OUTPUT", "A, B"]]);
  });

  test("may come as long as the work runs, also while it is canceled", () => {
    const play = playJob();
    play.report("noop", "ACTIVE");
    play.output("noop", { A: "1" });
    play.cancel("noop");
    play.output("noop", { A: "2" });
    expect(play.task().status.runtimeEnvs).toEqual({ A: "2" });
  });

  test("takes 64 names and 32 KiB, and not more", () => {
    const names = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, i) => [`N${i}`, ""]));
    const play = playJob();
    play.output("noop", names(64));
    expect(refusal(() => play.output("noop", { OTHER: "" }))).toBe(
      "OUTPUT_TOO_LARGE: task `noop` put out 65 runtime envs; at most 64 are kept",
    );
    const bytes = playJob();
    bytes.output("noop", { A: `${"x".repeat(32 * 1024 - 3)}ä` });
    expect(refusal(() => bytes.output("noop", { A: `${"x".repeat(32 * 1024 - 3)}€` }))).toBe(
      "OUTPUT_TOO_LARGE: task `noop` put out 32769 bytes of runtime envs; at most 32768 are kept",
    );
  });

  test("of the wrong token is refused", () => {
    const play = playJob();
    const request = { updateToken: "wrong", runtimeEnvs: { A: "1" } };
    expect(refusal(() => play.submit({ type: "updateOutput", taskId: play.state.id, request }))).toBe(
      "UNAUTHORIZED: the update token is not valid for this task",
    );
  });

  test("on a task that has ended, has reported or has not started is refused", () => {
    const ended = playJob();
    ended.report("noop", "SUCCEEDED");
    const reported = playJob({ confirm: { checkers: ["ann"] } });
    reported.report("noop", "SUCCEEDED");
    const waiting = playJob({}, {}, { world: new World({ slots: 0 }) });
    const { id } = waiting.state;
    expect([ended, reported, waiting].map((play) => refusal(() => play.output("noop", { A: "1" })))).toEqual([
      `TASK_ENDED: task \`noop\` (${id}) has ended SUCCEEDED; its output is final`,
      "ALREADY_REPORTED: task `noop` has reported SUCCEEDED and waits for its confirm; its output is final",
      `CONFLICT: task \`noop\` (${id}) is SCHEDULING; it puts out nothing before it runs`,
    ]);
  });
});

describe("secrets in an output", () => {
  const key = "first-line\nsecond-line";
  const runParams = [
    { name: "KEY", sensitive: true, value: key },
    { name: "PIN", sensitive: true, value: "123" },
  ];

  test("are sealed in runtime envs, a line of them too, and masked in markdown", () => {
    const play = playJob({}, { runParams });
    play.output("noop", { A: `x ${key}`, B: "see second-line", C: "123", D: "open" }, "it is first-line");
    expect(play.task().status).toMatchObject({
      runtimeEnvs: { A: seal(`x ${key}`), B: seal("see second-line"), C: "123", D: "open" },
      markdownOutput: "it is ***",
    });
  });

  test("reach later tasks as sensitive params", () => {
    const play = playPipeline("a b", {
      jobs: { noop: { runParams }, next: { runParams: [{ name: "A" }] } },
      tasks: { b: { job: "next" } },
    });
    play.report("a", "SUCCEEDED", { runtimeEnvs: { A: key } });
    expect(play.task("b").params).toEqual([
      {
        name: "A",
        value: seal(key),
        usageType: "ENV",
        valueType: "TEXT",
        setBy: "RUNTIME_ENV",
        sensitive: true,
      },
    ]);
  });

  test("are also what a later job of the run declares sensitive", () => {
    const play = playPipeline("a b", {
      jobs: { next: { runParams: [{ name: "TOKEN", sensitive: true }] } },
      tasks: { b: { job: "next" } },
    });
    play.report("a", "SUCCEEDED", { runtimeEnvs: { TOKEN: "fresh-t0ken" } });
    expect(play.task("a").status.runtimeEnvs).toEqual({ TOKEN: seal("fresh-t0ken") });
    expect(play.task("b").params?.map(({ value }) => value)).toEqual([seal("fresh-t0ken")]);
    expect(JSON.stringify(play.decisions)).not.toContain("fresh-t0ken");
  });

  test("cannot be forged: what looks sealed is refused, for it would be opened for others", () => {
    const play = playJob();
    expect(refusal(() => play.output("noop", { A: seal("stolen") }))).toBe(
      "OUTPUT_REFUSED: task `noop` put out A with a value that looks like a secret sealed by mflow",
    );
  });
});
