// What SHELL tasks put out: logs within their limits, masked; runtime envs; markdown.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RunnerReport } from "../runner.ts";
import { OpenedPlace } from "./testing/opened-place.ts";

let place: OpenedPlace;
beforeAll(async () => {
  place = await OpenedPlace.open();
});
afterAll(() => place.dispose());

describe("the log", () => {
  test("has the lines of both streams as they were written", async () => {
    const { texts } = await place.run("echo out; echo err >&2; printf 'no newline'");
    expect(texts.toSorted()).toEqual([
      "stderr step-1| err",
      "stdout step-1| no newline",
      "stdout step-1| out",
    ]);
  });

  test("shows lines while the step still runs", async () => {
    const request = await place.start("echo early; sleep 1000");
    expect((await place.host.logged(request, "early")).step).toBe("step-1");
    expect(place.host.reportsOf(request).map(({ stage }) => stage)).toEqual(["ACTIVE"]);
    await place.current.stop(request, { graceMs: 100 });
    await place.host.final(request);
  });

  test("replaces invalid UTF-8 and keeps the last state of a line that was written over", async () => {
    const { texts } = await place.run("printf 'a\\377b\\n'; printf '10%%\\r50%%\\r100%%\\ndos\\r\\n'");
    expect(texts).toEqual(["stdout step-1| a\uFFFDb", "stdout step-1| 100%", "stdout step-1| dos"]);
  });

  test("never shows a secret, wherever the output is cut", async () => {
    const secrets = ["hunter2-hunter2", "first line\nsecond line"];
    const script = [
      "echo a hunter2-hunter2 b",
      "printf 'hunter2'; sleep 0.1; printf -- '-hunter2\\n'",
      "head -c 65530 /dev/zero | tr '\\0' x; echo hunter2-hunter2",
      "printf 'first line\\nsecond line\\n' >&2",
    ].join("\n");
    const { texts, report } = await place.run(script, { secrets });
    expect(report.stage).toBe("SUCCEEDED");
    const whole = texts.join("\n");
    expect(whole).toContain("a *** b");
    for (const part of ["hunter2", "first line", "second line"]) expect(whole).not.toContain(part);
    expect(await place.allText()).not.toContain("hunter2-hunter2");
  });

  test("of 100 MB in a moment is cut, says where, and does not hold up the step", async () => {
    // So slow that also a busy machine writes far more than it may.
    const small = await OpenedPlace.open({ limits: { bytesPerTask: 1e9, bytesPerSecond: 1024 * 1024 } });
    const script = "head -c 100000000 /dev/zero | tr '\\0' '=' | fold -w 1000; echo the end";
    const began = performance.now();
    const { report, texts } = await small.run(script).finally(() => small.dispose());
    const seconds = (performance.now() - began) / 1000;
    expect(report.stage).toBe("SUCCEEDED");
    const notes = texts.filter((line) => line.startsWith("mflow"));
    expect(notes.length).toBeGreaterThan(0);
    expect(notes[0]).toMatch(
      /^mflow step-1\| [0-9.]+ MiB of output dropped here: more than 1.0 MiB per second$/,
    );
    const kept = texts.reduce((sum, line) => sum + line.length, 0);
    expect(kept).toBeGreaterThan(900_000);
    // A second's worth at once, then as much as time goes by.
    expect(kept).toBeLessThan((1 + seconds) * 1024 * 1024 + 1_000_000);
  });
});

describe("limits of the log", () => {
  test("cut a task that logs more than it may in all, once and for all its steps", async () => {
    const small = await OpenedPlace.open({ limits: { bytesPerTask: 20_000, bytesPerSecond: 1e9 } });
    try {
      const run = "for i in $(seq 1000); do echo line $i of many; done; echo end";
      const { report, texts } = await small.run({
        steps: [
          { name: "a", run },
          { name: "b", run },
        ],
      });
      expect(report.stage).toBe("SUCCEEDED");
      const notes = texts.filter((line) => line.startsWith("mflow"));
      expect(notes.at(0)).toBe("mflow a| output is cut here: the log has reached its limit");
      expect(notes.at(-1)).toMatch(/^mflow b\| [0-9.]+ KiB of output dropped: .* limit of 19.5 KiB$/);
      expect(texts.at(0)).toBe("stdout a| line 1 of many");
      expect(texts.filter((line) => line.startsWith("stdout b"))).toEqual([]);
    } finally {
      await small.dispose();
    }
  });
});

/** Runtime envs and what is said about them. */
async function putOut(
  script: string,
): Promise<Pick<RunnerReport, "stage" | "reason" | "message" | "runtimeEnvs">> {
  const { stage, reason, message, runtimeEnvs } = (await place.run(script)).report;
  return { stage, reason, message, runtimeEnvs };
}

describe("runtime envs", () => {
  test("come from all steps, the last value of a name counts", async () => {
    const { report } = await place.run({
      steps: [
        { run: "echo VERSION=1 >>$MFLOW_OUTPUT; echo local=x >>$MFLOW_OUTPUT" },
        {
          run: "test ! -e $MFLOW_OUTPUT; printf 'VERSION=2\\nNOTES<<END\\na\\n b=c\\n\\nEND\\n' >$MFLOW_OUTPUT",
        },
      ],
    });
    expect(report.runtimeEnvs).toEqual({ VERSION: "2", local: "x", NOTES: "a\n b=c\n" });
  });

  test("of a failed step are kept as well", async () => {
    const { report } = await place.run("echo WHY=because >>$MFLOW_OUTPUT; exit 1");
    expect(report).toMatchObject({ stage: "FAILED", reason: "EXIT_CODE", runtimeEnvs: { WHY: "because" } });
  });

  test("that cannot be read fail the task, and the message names the line", async () => {
    const failed = { stage: "FAILED", reason: "OUTPUT_INVALID", runtimeEnvs: undefined };
    const name = "$MFLOW_OUTPUT of step `step-1`:";
    expect(await putOut("printf 'A=1\\n\\nnot a pair\\n' >>$MFLOW_OUTPUT")).toEqual({
      ...failed,
      message: `${name} line 3 is neither NAME=value nor NAME<<WORD: "not a pair"`,
    });
    expect(await putOut("printf 'A<<EOF\\nx\\n' >>$MFLOW_OUTPUT")).toEqual({
      ...failed,
      message: `${name} the value that begins in line 1 does not end: no line is "EOF"`,
    });
  });

  test("that are too many or too long fail the task", async () => {
    const message =
      "$MFLOW_OUTPUT of step `step-1`: the runtime envs of a task are at most 64 names and 32768 bytes; " +
      "put large data into a file and hand on its path";
    const failed = { stage: "FAILED", reason: "OUTPUT_TOO_LARGE", message, runtimeEnvs: undefined };
    expect(await putOut("for i in $(seq 65); do echo N$i=1; done >$MFLOW_OUTPUT")).toEqual(failed);
    expect(await putOut("echo A=$(head -c 33000 /dev/zero | tr '\\0' x) >$MFLOW_OUTPUT")).toEqual(failed);
    expect(await putOut("head -c 50000000 /dev/zero >$MFLOW_OUTPUT")).toEqual(failed);
  });

  test("may hold secrets, which stay in no file of ours", async () => {
    const { report } = await place.run("echo TOKEN=s3cr3t-t0ken >>$MFLOW_OUTPUT", {
      secrets: ["s3cr3t-t0ken"],
    });
    expect(report.runtimeEnvs).toEqual({ TOKEN: "s3cr3t-t0ken" });
    await expect.poll(() => place.current.list()).toEqual([]);
    await expect.poll(() => place.allText()).not.toContain("s3cr3t-t0ken");
  });
});

describe("markdown", () => {
  test("comes from all steps, masked", async () => {
    const { report } = await place.run(
      { steps: [{ run: "printf '# One secret' >$MFLOW_SUMMARY" }, { run: "echo two >>$MFLOW_SUMMARY" }] },
      { secrets: ["secret"] },
    );
    expect(report.markdownOutput).toBe("# One ***\ntwo\n");
  });

  test("is cut at 256 KiB", async () => {
    const { report } = await place.run("head -c 300000 /dev/zero | tr '\\0' x >$MFLOW_SUMMARY");
    expect(Buffer.byteLength(report.markdownOutput ?? "")).toBe(256 * 1024);
    expect(report.markdownOutput?.slice(-30)).toBe("x\n\n*(cut at 262144 bytes)*\n".padStart(30, "x"));
  });
});
