// All terminals of an app: how many there may be at once, and their end with the app.

import { MflowError } from "@mflow/core/errors";
import { TerminalSession, type TerminalSessionParts, type TerminalTiming } from "./terminal-session.ts";

export interface TerminalSettings extends TerminalTiming {
  /** Terminals at once. */
  most: number;
  /** Terminals of one person at once. */
  mostOfOne: number;
}

export const TERMINAL_SETTINGS: TerminalSettings = {
  idleMs: 15 * 60_000,
  pingMs: 15_000,
  farewellMs: 5_000,
  most: 20,
  mostOfOne: 2,
};

/** A place that was taken. */
export interface TerminalPlace {
  leave(): void;
}

export class TerminalSessions {
  readonly #settings: TerminalSettings;
  readonly #places = new Map<TerminalPlace, string>();
  readonly #open = new Set<TerminalSession>();
  #isClosed = false;

  constructor(settings: TerminalSettings) {
    this.#settings = settings;
  }

  /** Takes a place for a person's terminal. Throws TOO_MANY_REQUESTS when there is none. */
  enter(person: string): TerminalPlace {
    const { most, mostOfOne } = this.#settings;
    if (this.#isClosed) throw new MflowError("UNAVAILABLE", "The server is stopping and opens no terminals.");
    if ([...this.#places.values()].filter((name) => name === person).length >= mostOfOne) {
      throw new MflowError(
        "TOO_MANY_REQUESTS",
        `${person} has ${mostOfOne} terminals open, as many as one person may have; end one first.`,
      );
    }
    if (this.#places.size >= most) {
      throw new MflowError("TOO_MANY_REQUESTS", `${most} terminals are open, as many as the server allows.`);
    }
    const place = { leave: () => void this.#places.delete(place) };
    this.#places.set(place, person);
    return place;
  }

  /** Begins a session in a place, which it leaves with its end. */
  begin(place: TerminalPlace, parts: Omit<TerminalSessionParts, "timing">): void {
    const session = new TerminalSession({ ...parts, timing: this.#settings });
    this.#open.add(session);
    if (this.#isClosed) session.end(STOPPING);
    void session.over.finally(() => {
      this.#open.delete(session);
      place.leave();
    });
  }

  /** Ends all terminals, and those that are still to come at once. */
  endAll(): void {
    this.#isClosed = true;
    for (const session of this.#open) session.end(STOPPING);
  }
}

const STOPPING = "the server is stopping";
