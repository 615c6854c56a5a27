// The FAKE runner with terminals whose programs a test plays: it sees what was typed, prints, and ends them.

import { MflowError } from "@mflow/core/errors";
import { createFakeRunner } from "../fake/fake-runner.ts";
import type { AttemptRef, Runner, Terminal, TerminalEnd, TerminalRequest } from "../runner.ts";

/** One terminal, from the side of its program. */
export class PlayedTerminal implements Terminal {
  readonly ref: AttemptRef;
  readonly request: TerminalRequest;
  readonly container: string;
  readonly isCopy: boolean;
  readonly ended: Promise<TerminalEnd>;
  /** Sizes of its window, the first one included. */
  readonly sizes: [number, number][];
  /** While set, the program takes no keys. */
  holding: Promise<void> | undefined;
  readonly #typed: Uint8Array[] = [];
  readonly #end: (end: TerminalEnd) => void;

  constructor(ref: AttemptRef, request: TerminalRequest, isCopy: boolean) {
    const { promise, resolve } = Promise.withResolvers<TerminalEnd>();
    this.ref = ref;
    this.request = request;
    this.container = request.container ?? "main";
    this.isCopy = isCopy;
    this.ended = promise;
    this.sizes = [[request.columns, request.rows]];
    this.#end = resolve;
  }

  /** All that was typed. */
  get typed(): string {
    return Buffer.concat(this.#typed).toString("utf8");
  }

  print(data: string | Uint8Array): Promise<void> {
    return this.request.output(Buffer.from(data));
  }

  /** The program ends. */
  exit(exitCode: number): void {
    this.#end({ exitCode });
  }

  async write(data: Uint8Array): Promise<void> {
    await this.holding;
    this.#typed.push(data);
  }

  resize(columns: number, rows: number): void {
    this.sizes.push([columns, rows]);
  }

  close(reason: string): void {
    this.#end({ reason });
  }
}

export type TerminalRunner = Runner & { terminals: PlayedTerminal[] };

/**
 * Containers are `main` and `side`; `side` is a copy, and `never` is waited for until nobody does. `played` plays every
 * program; absent: tests play them by `terminals`.
 */
export function createTerminalRunner(played?: (terminal: PlayedTerminal) => void): TerminalRunner {
  const terminals: PlayedTerminal[] = [];
  const openTerminal = async (ref: AttemptRef, request: TerminalRequest): Promise<Terminal> => {
    const { container = "main", signal } = request;
    if (container === "never") {
      await new Promise((resolve) => signal?.addEventListener("abort", resolve));
      throw new MflowError("UNAVAILABLE", "Nobody waited for the terminal.");
    }
    if (container !== "main" && container !== "side") {
      throw new MflowError(
        "NOT_FOUND",
        `The pod has no container \`${container}\`; there are \`main\`, \`side\`.`,
      );
    }
    const terminal = new PlayedTerminal(ref, request, container === "side");
    terminals.push(terminal);
    played?.(terminal);
    return terminal;
  };
  return Object.assign(createFakeRunner(), { terminals, openTerminal });
}
