// The dialog below the live view: what keys do, as a pure function from where the dialog is and a key to where it
// is then and what is to be done. Nothing is decided or canceled by a single key.

import type { Decidable } from "./decidable.ts";

export type Mode =
  | { kind: "watching"; notice?: string }
  /** Ctrl-C was pressed: cancel, detach, or go on. */
  | { kind: "leaving" }
  | { kind: "passing"; gate: Decidable }
  | { kind: "denying"; gate: Decidable; comment: string };

export type Action =
  | { do: "pass"; gate: Decidable }
  | { do: "deny"; gate: Decidable; comment: string }
  | { do: "cancel" }
  | { do: "detach" };

export interface Step {
  mode: Mode;
  action?: Action;
}

export const CTRL_C = "\u0003";
const ESCAPE = "\u001b";
const SEQUENCE = new RegExp(`${ESCAPE}(?:\\[[0-?]*[ -/]*[@-~]|O[A-Za-z])`, "g");
const ENTER = /^[\r\n]$/;
const BACKSPACE = /^[\u007f\b]$/;
const PRINTABLE = /^[^\p{Control}]$/u;
const MAX_COMMENT = 1000;

const watching: Mode = { kind: "watching" };

/** One key (a character as the terminal sends it) in a mode; `gate` is what the person may decide now. */
export function press(mode: Mode, key: string, gate: Decidable | undefined): Step {
  switch (mode.kind) {
    case "watching":
      if (key === CTRL_C) return { mode: { kind: "leaving" } };
      if (gate && key === "p") return { mode: { kind: "passing", gate } };
      if (gate && key === "d") return { mode: { kind: "denying", gate, comment: "" } };
      return { mode };
    case "leaving":
      if (key === CTRL_C || key === "d") return { mode: watching, action: { do: "detach" } };
      if (key === "c") return { mode: watching, action: { do: "cancel" } };
      return { mode: watching };
    case "passing":
      if (key === CTRL_C) return { mode: { kind: "leaving" } };
      if (key === "y" || ENTER.test(key)) return { mode: watching, action: { do: "pass", gate: mode.gate } };
      return { mode: watching };
    case "denying":
      return typeComment(mode, key);
  }
}

function typeComment(mode: Mode & { kind: "denying" }, key: string): Step {
  const { gate, comment } = mode;
  if (key === CTRL_C) return { mode: { kind: "leaving" } };
  if (key === ESCAPE) return { mode: watching };
  if (ENTER.test(key)) {
    if (comment.trim() === "") return { mode };
    return { mode: watching, action: { do: "deny", gate, comment: comment.trim() } };
  }
  if (BACKSPACE.test(key)) return { mode: { ...mode, comment: [...comment].slice(0, -1).join("") } };
  if (!PRINTABLE.test(key) || comment.length >= MAX_COMMENT) return { mode };
  return { mode: { ...mode, comment: comment + key } };
}

/** What the dialog says, in one line; nothing when there is nothing to do. */
export function dialogText(mode: Mode, gate: Decidable | undefined): string | undefined {
  switch (mode.kind) {
    case "watching":
      if (mode.notice) return mode.notice;
      return gate && `You may decide the ${gate.kind} of ${gate.path}:  [p]ass  [d]eny`;
    case "leaving":
      return "Leave?  [c]ancel the run  [d]etach, it goes on  any other key: stay";
    case "passing":
      return `Pass the ${mode.gate.kind} of ${mode.gate.path}?  [y]es  any other key: no`;
    case "denying":
      return `Deny the ${mode.gate.kind} of ${mode.gate.path}, because (Esc: no): ${mode.comment}_`;
  }
}

/** The keys in what a terminal sent at once: characters, with escape sequences (arrows and such) left out. */
export function keysOf(text: string): string[] {
  return [...text.replace(SEQUENCE, "")];
}
