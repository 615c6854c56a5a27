// `mflow debug` as a process, through pipes and on a real terminal, against a server whose programs the test plays.

import type { RunJobResponse } from "@mflow/core/schema/api";
import { endlessJob } from "@mflow/server/http/testing/manifests";
import { startTestServer, type TestServer } from "@mflow/server/http/testing/test-server";
import {
  createTerminalRunner,
  type PlayedTerminal,
  type TerminalRunner,
} from "@mflow/server/runners/testing/terminal-runner";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { makeWorkplace, SCRIPT, type Workplace } from "../testing/command.ts";
import { hasTerminal, onTerminal } from "../testing/terminal.ts";

let runner: TerminalRunner;
let server: TestServer;
let place: Workplace;
let task: string;
beforeAll(async () => {
  runner = createTerminalRunner();
  server = await startTestServer({ runner, terminals: { mostOfOne: 20 } });
  place = await makeWorkplace();
  await server.ok("POST", "/apply", { documents: [endlessJob("endless")] });
  task = (await server.ok<RunJobResponse>("POST", "/job-tasks", { job: "endless" })).task.id;
  await vi.waitFor(() => server.ok("GET", `/job-tasks/${task}/terminal`));
});
afterAll(async () => {
  await place.remove();
  await server.close();
});

const env = (name = "otto") => ({ MFLOW_URL: server.url, MFLOW_TOKEN: server.token(name) });

/** The next program that is started. */
async function nextProgram(start: () => void): Promise<PlayedTerminal> {
  const before = runner.terminals.length;
  start();
  await expect.poll(() => runner.terminals.length).toBe(before + 1);
  return runner.terminals[before] as PlayedTerminal;
}

/** What was typed before the first end of input, and whether nothing but such ends came behind it. */
function untilEnd({ typed }: PlayedTerminal): [string, boolean] {
  const [text = "", ...ends] = typed.split("\x04");
  return [text, ends.length > 0 && ends.every((rest) => rest === "")];
}

describe("in a pipe", () => {
  test("what is piped in is typed, followed by the end of input, and the command ends with the program's exit code", async () => {
    let call: ReturnType<Workplace["start"]> | undefined;
    const program = await nextProgram(() => {
      call = place.start(["debug", task, "-c", "side", "--", "sh", "-c", "read x"], {
        env: env(),
        stdin: "你好\n",
      });
    });
    expect([program.request.command, program.request.columns]).toEqual([["sh", "-c", "read x"], 80]);
    await expect.poll(() => untilEnd(program)).toEqual(["你好\n", true]);
    await program.print("✓ done\r\n");
    program.exit(7);
    expect(await call?.ended).toEqual({
      stdout: "✓ done\r\n",
      stderr: "mflow: in a copy of container side, whose work has ended; it is removed with this session\n",
      exitCode: 7,
    });
  });

  test("megabytes pass both ways, and an end within a line is made known", async () => {
    let call: ReturnType<Workplace["start"]> | undefined;
    const stdin = "x".repeat(3_000_000);
    const program = await nextProgram(() => {
      call = place.start(["debug", task], { env: env(), stdin });
    });
    expect(program.request.command).toBe(undefined);
    await expect.poll(() => program.typed.length).toBeGreaterThan(stdin.length + 1);
    expect(untilEnd(program)).toEqual([stdin, true]);
    for (let n = 0; n < 40; n++) await program.print("y".repeat(50_000));
    program.exit(0);
    const { stdout, stderr, exitCode } = (await call?.ended) ?? {};
    expect([stdout?.length, stderr, exitCode]).toEqual([2_000_000, "mflow: in container main\n", 0]);
  });

  test("a session that its program did not end says why, and fails", async () => {
    let call: ReturnType<Workplace["start"]> | undefined;
    const program = await nextProgram(() => {
      call = place.start(["debug", task], { env: env(), stdin: "" });
    });
    program.close("nothing was typed or printed for 15m00s");
    expect(await call?.ended).toEqual({
      stdout: "",
      stderr:
        "mflow: in container main\nmflow: the session has ended: nothing was typed or printed for 15m00s\n",
      exitCode: 1,
    });
  });

  test("a signal ends the session", async () => {
    let call: ReturnType<Workplace["start"]> | undefined;
    const program = await nextProgram(() => {
      call = place.start(["debug", task], { env: env() });
    });
    await expect.poll(() => call?.stderr).toContain("in container main");
    call?.process.kill("SIGTERM");
    expect((await call?.ended)?.exitCode).toBe(143);
    expect(await program.ended).toEqual({ reason: "the client closed it" });
  });

  test("a refusal of the server, and one of the cluster, are told with the remedy", async () => {
    const forbidden = await place.mflow(["debug", task], { env: env("vera") });
    expect(forbidden).toEqual({
      stdout: "",
      stderr:
        "mflow: vera needs the role operator in namespace default of domain default.\n" +
        "Ask an admin of the scope for the role that the message names.\n",
      exitCode: 2,
    });
    const missing = await place.mflow(["debug", task, "-c", "mian"], { env: env() });
    expect(missing).toEqual({
      stdout: "",
      stderr:
        "mflow: The pod has no container `mian`; there are `main`, `side`.\nCheck the id or name and the scope.\n",
      exitCode: 2,
    });
  });

  test("a server that cannot be reached is told", async () => {
    const nowhere = { MFLOW_URL: "http://127.0.0.1:1", MFLOW_TOKEN: "x" };
    const { stderr, exitCode } = await place.mflow(["debug", task], { env: nowhere });
    expect([stderr.split("\n")[0], exitCode]).toEqual(["mflow: cannot reach http://127.0.0.1:1", 5]);
  });
});

describe.runIf(hasTerminal)("on a terminal", () => {
  test("keys go to the program as they are, Ctrl-C too; it knows the size of the window; the exit code is its own", async () => {
    let window: ReturnType<typeof onTerminal> | undefined;
    const program = await nextProgram(() => {
      const resized = "(until [ -e resize ]; do sleep 0.1; done; stty cols 100 rows 30 </dev/tty) &";
      window = onTerminal(place, ["debug", task], env(), resized);
    });
    expect(program.sizes).toEqual([[80, 24]]);
    await window?.shows(/in container main/);
    await program.print("ready> ");
    await window?.shows(/ready>/);
    await place.write("resize", "");
    await expect
      .poll(() => program.sizes)
      .toEqual([
        [80, 24],
        [100, 30],
      ]);
    window?.press("a\x03ü\x04");
    await expect.poll(() => program.typed).toBe("a\x03ü\x04");
    program.exit(42);
    expect(await window?.ended).toBe(42);
    // Nothing of it was shown by the window itself, which had its modes taken.
    expect(window?.screen().join("\n")).not.toMatch(/\^C|ü/);
  });

  test.each(["the program", "the server", "a signal"])(
    "the window has its modes again when %s ends the session",
    async (ender) => {
      const call = `${process.execPath} ${SCRIPT} debug ${task}`;
      let window: ReturnType<typeof onTerminal> | undefined;
      const program = await nextProgram(() => {
        const before = `sh -c 'echo pid $$.; exec ${call}'; stty -a | grep -o -- '.icanon';`;
        window = onTerminal(place, ["version"], env(), before);
      });
      const lines = (await window?.shows(/in container main/)) ?? [];
      await expect.poll(() => program.typed).toBe("");
      window?.press("x");
      await expect.poll(() => program.typed).toBe("x");
      if (ender === "the program") program.exit(0);
      else if (ender === "the server") program.close("enough");
      else process.kill(Number(/pid (\d+)\./.exec(lines.join("\n"))?.[1]), "SIGTERM");
      await window?.shows(/^ icanon/);
      await window?.ended;
    },
  );
});
