// Watching on a terminal: the view is redrawn in place, and below it a dialog takes decisions and Ctrl-C.

import type { Evidence } from "@mflow/core/schema/evidence";
import { type Client, ConnectionError } from "@mflow/sdk";
import type { Context } from "../context.ts";
import { cut, plainLine } from "../display/width.ts";
import { gateContent } from "../view/gate-content.ts";
import { LiveArea } from "../view/live-area.ts";
import { runView } from "../view/run-view.ts";
import { headOf, isEnded, type Watched } from "../view/watched.ts";
import { type Decidable, firstDecidable, type Person } from "./decidable.ts";
import { type Action, CTRL_C, dialogText, keysOf, type Mode, press } from "./dialog.ts";
import { isRunId, type Watcher } from "./follow-run.ts";

/** Running clocks show seconds. */
const TICK_MS = 1000;

/** Lines of what is decided on, at most, and never more than half of the terminal. */
const MOST_CONTENT = 12;

const CTRL_Z = "\u001a";

export class LiveSession implements Watcher {
  readonly #context: Context;
  readonly #client: Client;
  readonly #id: string;
  readonly #area: LiveArea;
  readonly #detach: () => void;
  #watched: Watched | undefined;
  #person: Person | undefined;
  /** Of the gate that is offered, by its digest. */
  #evidence: { digest: string | undefined; known?: Evidence } | undefined;
  #mode: Mode = { kind: "watching" };
  #lost = false;
  #closed = false;
  /** The last view stands: an answer that comes now must not draw another below what was said since. */
  #finished = false;
  #timer: NodeJS.Timeout | undefined;

  /** `detach` ends the watching. Calls `close` whatever happened. */
  constructor(context: Context, client: Client, id: string, detach: () => void) {
    this.#context = context;
    this.#client = client;
    this.#id = id;
    this.#detach = detach;
    this.#area = new LiveArea(context.io.stdout);
  }

  open(): void {
    const { stdin, stdout } = this.#context.io;
    this.#timer = setInterval(this.#draw, TICK_MS);
    stdout.on("resize", this.#draw);
    if (stdin.isTTY) {
      stdin.setRawMode(true);
      stdin.setEncoding("utf8");
      stdin.on("data", this.#typed);
      stdin.resume();
    }
    process.on("exit", this.#restore);
  }

  /** Leaves the last view standing. */
  close(): void {
    const { stdin, stdout } = this.#context.io;
    clearInterval(this.#timer);
    stdout.off("resize", this.#draw);
    stdin.off("data", this.#typed);
    this.#closed = true;
    this.#draw();
    this.#finished = true;
    this.#restore();
    process.off("exit", this.#restore);
  }

  readonly #restore = () => {
    const { stdin } = this.#context.io;
    this.#area.close();
    if (stdin.isTTY) {
      stdin.setRawMode(false);
      stdin.pause();
    }
  };

  /** Who watches; until it is known no gate is offered. */
  set person(person: Person) {
    this.#person = person;
    this.#fetchEvidence();
    this.#draw();
  }

  show(watched: Watched): void {
    this.#watched = watched;
    this.#fetchEvidence();
    this.#draw();
  }

  /** Once for each content that is offered; without it the dialog shows what the task itself says. */
  #fetchEvidence(): void {
    const offered = this.#decidable;
    if (!offered || this.#isOver || this.#evidence?.digest === offered.gate.digest) return;
    const wanted: { digest: string | undefined; known?: Evidence } = { digest: offered.gate.digest };
    this.#evidence = wanted;
    this.#client.tasks.evidence(offered.taskId).then(
      (known) => {
        wanted.known = known;
        this.#draw();
      },
      () => undefined,
    );
  }

  connection(state: "lost" | "back"): void {
    this.#lost = state === "lost";
    this.#draw();
  }

  /** Ctrl-C, also when it comes as a signal. */
  interrupt(): void {
    this.#press(CTRL_C);
  }

  get #decidable(): Decidable | undefined {
    if (!this.#context.io.stdin.isTTY || !this.#person || !this.#watched) return undefined;
    return firstDecidable(this.#watched, this.#person);
  }

  readonly #draw = () => {
    if (!this.#watched || this.#finished) return;
    const { style, command } = this.#context;
    const { columns, rows } = this.#area;
    // One column stays free: a full line makes some terminals wrap.
    const width = Math.max(20, columns - 1);
    const footer = this.#footer(width, rows);
    const lines = runView(this.#watched, {
      columns: width,
      rows: Math.max(3, rows - 1 - footer.length),
      now: Date.now(),
      style,
      command,
      decidedHere: this.#isOver ? undefined : this.#decidable?.taskId,
    });
    this.#area.draw([...lines, ...footer]);
  };

  get #isOver(): boolean {
    return this.#closed || (this.#watched !== undefined && isEnded(headOf(this.#watched).stage));
  }

  /** What the person may decide on, and below it what they can do. */
  #footer(width: number, rows: number): string[] {
    const { style } = this.#context;
    if (this.#isOver) return [];
    const gate = this.#decidable;
    const text = dialogText(this.#mode, gate);
    const lost = this.#lost ? "The connection is lost; trying again ..." : undefined;
    const messages = [lost, text]
      .filter((line) => line !== undefined)
      .map((line) => style.tone("attention", cut(plainLine(line), width)));
    const task = this.#watched?.tasks.find(({ id }) => id === gate?.taskId);
    if (!gate || !task) return messages;
    const room = Math.min(MOST_CONTENT, Math.floor(rows / 2));
    const evidence = this.#evidence?.digest === gate.gate.digest ? this.#evidence?.known : undefined;
    const content = gateContent(task, gate, {
      columns: width,
      rows: room,
      style,
      ...(evidence && { evidence }),
    });
    return ["", ...content, "", ...messages];
  }

  readonly #typed = (text: string) => {
    for (const key of keysOf(text)) {
      if (key === CTRL_Z) this.#suspend();
      else this.#press(key);
    }
  };

  #press(key: string): void {
    const { mode, action } = press(this.#mode, key, this.#decidable);
    this.#mode = mode;
    this.#draw();
    if (action) void this.#act(action);
  }

  async #act(action: Action): Promise<void> {
    const { tasks, runs } = this.#client;
    try {
      if (action.do === "detach") this.#detach();
      else if (action.do === "cancel") {
        if (isRunId(this.#id)) await runs.cancel(this.#id);
        else await tasks.cancel(this.#id);
      } else {
        const { taskId, kind, gate } = action.gate;
        // What was on the screen is what is decided on.
        const { digest } = gate;
        await tasks[kind](
          taskId,
          action.do === "pass"
            ? { verdict: "PASS", digest }
            : { verdict: "DENY", digest, comment: action.comment },
        );
      }
    } catch (error) {
      const notice = error instanceof Error ? error.message : String(error);
      this.#mode = {
        kind: "watching",
        notice: error instanceof ConnectionError ? `${notice}; try again` : notice,
      };
      this.#draw();
    }
  }

  /** Ctrl-Z: the shell gets its terminal back until `fg`. */
  #suspend(): void {
    const { stdin } = this.#context.io;
    this.#area.clear();
    stdin.setRawMode(false);
    process.once("SIGCONT", () => {
      stdin.setRawMode(true);
      this.#draw();
    });
    // To the whole group, as the terminal does it.
    process.kill(0, "SIGTSTP");
  }
}
