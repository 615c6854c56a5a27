// Terminals of people in the work of tasks: who is let in, and the record of it. Whoever gets in is in the history before
// a key reaches the program, and how it ended follows, whatever ended it.

import { MflowError } from "@mflow/core/errors";
import type { HistoryEvent, NewHistoryEvent } from "@mflow/core/schema/event";
import type { JobTask } from "@mflow/core/schema/job-task";
import type { Runner, Terminal, TerminalEnd, TerminalRequest } from "../runners/runner.ts";
import type { HistoryStore } from "../store/store.ts";
import type { Actor } from "./submit.ts";

export interface TerminalsParts {
  history: Pick<HistoryStore, "append">;
  runnerOf(type: string): Runner | undefined;
  /** Milliseconds since the epoch. */
  now(): number;
  /** Announces what was committed. */
  tell(event: HistoryEvent): void;
  warn(message: string, error?: unknown): void;
}

export class Terminals {
  readonly #parts: TerminalsParts;
  readonly #opening = new Set<Promise<unknown>>();
  /** Those that are open, and what resolves when their end is recorded. */
  readonly #open = new Map<Terminal, Promise<void>>();
  readonly #closing = new AbortController();

  constructor(parts: TerminalsParts) {
    this.#parts = parts;
  }

  /** Whether somebody is in. */
  get isBusy(): boolean {
    return this.#open.size > 0;
  }

  /** Throws what speaks against a terminal in the task before anything is asked of its runner. */
  check(task: JobTask): Required<Pick<Runner, "openTerminal">> {
    const { id, runnerType, attempt, status, keptFrom } = task;
    if (keptFrom) {
      const where = `task ${keptFrom.taskId} of run ${keptFrom.runId}`;
      throw new MflowError(
        "CONFLICT",
        `Task ${id} did not run: it was kept from ${where}. Look into that one.`,
      );
    }
    const runner = this.#parts.runnerOf(runnerType);
    if (!runner?.openTerminal) throw new MflowError("BAD_REQUEST", withoutTerminals(task));
    if (status.stage === "PENDING" || status.stage === "SCHEDULING") {
      throw new MflowError("CONFLICT", `Task ${id} is ${status.stage}: its work has not started.`);
    }
    if (attempt === 0 || status.stage === "SKIPPED") {
      throw new MflowError(
        "CONFLICT",
        `Task ${id} is ${status.stage} and never ran: there is nothing to look into.`,
      );
    }
    return { openTerminal: runner.openTerminal.bind(runner) };
  }

  open(task: JobTask, request: TerminalRequest, actor: Actor): Promise<Terminal> {
    const opening = this.#openRecorded(task, request, actor);
    this.#opening.add(opening);
    const done = () => this.#opening.delete(opening);
    opening.then(done, done);
    return opening;
  }

  /** Ends all terminals, and resolves once their ends are recorded. */
  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.allSettled(this.#opening);
    for (const terminal of this.#open.keys()) terminal.close("the server is stopping");
    await Promise.all(this.#open.values());
  }

  async #openRecorded(task: JobTask, request: TerminalRequest, actor: Actor): Promise<Terminal> {
    const { openTerminal } = this.check(task);
    const signals = [this.#closing.signal, ...(request.signal ? [request.signal] : [])];
    const signal = AbortSignal.any(signals);
    const ref = { taskId: task.id, attempt: task.attempt };
    const terminal = await openTerminal(ref, { ...request, signal });
    try {
      await this.#record({
        ...this.#eventOf(task, actor),
        type: "TERMINAL_OPENED",
        message: openedText(terminal, request),
      });
    } catch (error) {
      terminal.close("it could not be recorded that it was opened");
      throw error;
    }
    const recorded = terminal.ended.then(async (end) => {
      const closed = {
        ...this.#eventOf(task, actor),
        type: "TERMINAL_CLOSED",
        message: endText(terminal, end),
      } as const;
      try {
        await this.#record(closed, () => this.#open.delete(terminal));
      } catch (error) {
        this.#open.delete(terminal);
        this.#parts.warn(`could not record the end of a terminal in task ${task.id}`, error);
      }
    });
    this.#open.set(terminal, recorded);
    if (this.#closing.signal.aborted) terminal.close("the server is stopping");
    return {
      container: terminal.container,
      isCopy: terminal.isCopy,
      write: (data) => terminal.write(data),
      resize: (columns, rows) => terminal.resize(columns, rows),
      close: (reason) => terminal.close(reason),
      ended: recorded.then(() => terminal.ended),
    };
  }

  /** `committed` comes between the commit and its announcement: who hears of it asks what is still open. */
  async #record(event: NewHistoryEvent, committed: () => void = () => {}): Promise<void> {
    const events = await this.#parts.history.append([event]);
    committed();
    for (const one of events) this.#parts.tell(one);
  }

  #eventOf(task: JobTask, actor: Actor): Omit<NewHistoryEvent, "type"> {
    const { id, domain, namespace, name, attempt, pipelineTaskId } = task;
    return {
      at: new Date(this.#parts.now()).toISOString(),
      ...{ domain, namespace, taskId: id, name, attempt, actor: actor.name },
      ...(pipelineTaskId !== undefined && { pipelineTaskId }),
    };
  }
}

function withoutTerminals({ id, runnerType }: JobTask): string {
  const why =
    runnerType === "SHELL"
      ? "its steps are processes of the server's own machine, which nobody is let into; read `mflow logs`, or log in there"
      : "only the work of K8S_JOB jobs, which runs in containers, has terminals";
  return `Task ${id} is run by ${runnerType}: ${why}.`;
}

function placeOf({ container, isCopy }: Terminal): string {
  return isCopy ? `a copy of container ${container}` : `container ${container}`;
}

/** Arguments may hold what must not be written down; the program is named alone. */
function openedText(terminal: Terminal, { command }: TerminalRequest): string {
  return `${command?.[0] ?? "a shell"} in ${placeOf(terminal)}`;
}

function endText(terminal: Terminal, { exitCode, reason }: TerminalEnd): string {
  const how = exitCode === undefined ? (reason ?? "it ended") : `exit code ${exitCode}`;
  return `${how}; in ${placeOf(terminal)}`;
}
