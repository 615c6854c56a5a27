// Watching on a real terminal of 80 columns: the live view, decisions by key, and Ctrl-C.

import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { CALLED, makeServedWorkplace, type Workplace } from "../testing/command.ts";
import { hasTerminal, onTerminal } from "../testing/terminal.ts";

// Many processes one after another; a busy machine takes its time.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const file = (me: string) => `
kind: Job
metadata: { name: greet }
spec: { runnerType: FAKE, runnerSpec: { duration: 50ms, log: [hello] } }
---
kind: Job
metadata: { name: break }
spec: { runnerType: FAKE, runnerSpec: { outcome: FAILED, message: it broke, log: [fine, bad] } }
---
kind: Job
metadata: { name: hang }
spec: { runnerType: FAKE, runnerSpec: { outcome: NONE } }
---
kind: Pipeline
metadata: { name: gated }
spec:
  isParallel: true
  stages:
    - { name: build, tasks: [{ name: compile, job: greet }] }
    - name: deploy
      tasks: [{ name: prod, job: greet, audit: { auditors: [${me}], allowSelf: true } }]
---
kind: Pipeline
metadata: { name: broken }
spec:
  stages: [{ name: build, tasks: [{ name: compile, job: break }] }]
---
kind: Pipeline
metadata: { name: endless }
spec:
  isParallel: true
  stages: [{ name: wait, tasks: [{ name: hang, job: hang }] }]
`;

describe.runIf(hasTerminal)("on a terminal", () => {
  let place: Workplace;
  beforeAll(async () => {
    place = await makeServedWorkplace();
    const { stdout } = await place.mflow(["whoami", "-o", "json"]);
    await place.write("all.yaml", file(JSON.parse(stdout).name));
  });
  afterAll(() => place.remove());

  const run = (pipeline: string) => onTerminal(place, ["run", "-f", "all.yaml", pipeline]);

  /** The screen with what differs from run to run replaced; each of the same width. */
  const stable = (lines: string[]) =>
    lines.map((line) =>
      line
        .replace(/(run|task)-[0-9a-z]{26}/g, "$1-ID")
        .replace(CALLED, "bin/mflow.js")
        .replace(/ +(\d+m)?[\d.]+m?s\b/g, " TOOK"),
    );

  /** Lines as one text: the command is as long as the path to it, so the screen may break a line anywhere. */
  const flowing = (lines: string[]) => {
    const text = lines.map((line) => line.padEnd(80)).join("");
    return stable([text.replace(/ +/g, " ").trim()])[0];
  };

  test("a run's view is redrawn in place, and a listed person passes the gate by key", async () => {
    const terminal = run("gated");
    const waiting = await terminal.shows(/You may decide/);
    expect(stable(waiting).slice(0, 5)).toEqual([
      expect.stringMatching(/^gated {2}ACTIVE TOOK +run-ID$/),
      " build  1/1",
      "  ✔ compile   SUCCEEDED TOOK",
      " deploy  0/1",
      expect.stringMatching(/^ {2}◆ prod {6}WAITING TOOK {2}audit by \S+ \(0 of 1\)$/),
    ]);
    terminal.press("p");
    await terminal.shows(/^Pass the audit of deploy\/prod\? {2}\[y\]es/);
    terminal.press("y");
    expect(await terminal.ended).toBe(0);
    expect(stable(terminal.screen())).toEqual([
      expect.stringMatching(/^gated {2}SUCCEEDED TOOK +run-ID$/),
      " build  1/1",
      "  ✔ compile   SUCCEEDED TOOK",
      " deploy  1/1",
      "  ✔ prod      SUCCEEDED TOOK",
    ]);
  });

  test("a reason that is typed denies, and the run fails", async () => {
    const terminal = run("gated");
    await terminal.shows(/You may decide/);
    terminal.press("d");
    await terminal.shows(/^Deny the audit/);
    terminal.press("not today\r");
    expect(await terminal.ended).toBe(1);
    expect(terminal.screen().join("\n")).toMatch(/✘ prod +FAILED .*not today/);
  });

  test("a failed run ends with the last lines of the log", async () => {
    const terminal = run("broken");
    expect(await terminal.ended).toBe(1);
    const lines = terminal.screen();
    expect(stable(lines).slice(1, 8)).toEqual([
      " build  1/1",
      expect.stringMatching(/^ {2}✘ compile +FAILED.* {2}it broke$/),
      expect.stringContaining("task `compile` failed"),
      "",
      "Last lines of build/compile:",
      "  fine",
      "  bad",
    ]);
    expect(flowing(lines.slice(8))).toMatch(
      /^All of it: node bin\/mflow\.js logs task-ID.*mflow: to run again what failed: node bin\/mflow\.js rerun run-ID/,
    );
  });

  test("Ctrl-C asks, and c cancels the run", async () => {
    const terminal = run("endless");
    await terminal.shows(/hang +ACTIVE/);
    terminal.press("\u0003");
    await terminal.shows(/^Leave\? {2}\[c\]ancel the run {2}\[d\]etach/);
    terminal.press("c");
    expect(await terminal.ended).toBe(3);
    expect(terminal.screen().join("\n")).toMatch(/^endless {2}CANCELED/);
  });

  test("a second Ctrl-C detaches, and says how to come back", async () => {
    const terminal = run("endless");
    await terminal.shows(/hang +ACTIVE/);
    terminal.press("\u0003");
    await terminal.shows(/^Leave\?/);
    terminal.press("\u0003");
    expect(await terminal.ended).toBe(4);
    const lines = terminal.screen();
    const said = lines.findIndex((line) => line.startsWith("mflow: "));
    expect(flowing(lines.slice(said))).toBe(
      "mflow: run-ID goes on; to watch or cancel it: node bin/mflow.js watch run-ID node bin/mflow.js cancel run-ID",
    );
  });
});
