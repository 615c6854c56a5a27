import { expect, test } from "vitest";
import { waitingGate } from "../testing/watched-run.ts";
import type { Decidable } from "./decidable.ts";
import { type Action, CTRL_C, dialogText, keysOf, type Mode, press } from "./dialog.ts";

const gate: Decidable = { kind: "audit", gate: waitingGate(["bob"]), taskId: "task-1", path: "deploy/prod" };

/** Presses keys one after another; answers with what is said in the end and all that was done. */
function type(keys: string[], given: Decidable | undefined = gate) {
  let mode: Mode = { kind: "watching" };
  const actions: Action[] = [];
  for (const key of keys) {
    const step = press(mode, key, given);
    mode = step.mode;
    if (step.action) actions.push(step.action);
  }
  return { says: dialogText(mode, given), actions };
}

const OFFER = "You may decide the audit of deploy/prod:  [p]ass  [d]eny";

test.each<[string, string[], string | undefined, Action[]]>([
  ["no key: the gate is offered", [], OFFER, []],
  ["p asks back", ["p"], "Pass the audit of deploy/prod?  [y]es  any other key: no", []],
  ["p, then y passes", ["p", "y"], OFFER, [{ do: "pass", gate }]],
  ["p, then Enter passes", ["p", "\r"], OFFER, [{ do: "pass", gate }]],
  ["p, then another key does nothing", ["p", "n"], OFFER, []],
  ["d asks why", ["d"], "Deny the audit of deploy/prod, because (Esc: no): _", []],
  [
    "the reason can be mended",
    ["d", "n", "坏", "\u007f", "o"],
    "Deny the audit of deploy/prod, because (Esc: no): no_",
    [],
  ],
  ["Enter denies with the reason", ["d", "n", "o", "\r"], OFFER, [{ do: "deny", gate, comment: "no" }]],
  ["without a reason nothing is denied", ["d", " ", "\r", "\u001b"], OFFER, []],
  ["Esc takes it back", ["d", "n", "o", "\u001b", "\r"], OFFER, []],
  [
    "Ctrl-C asks what to do",
    [CTRL_C],
    "Leave?  [c]ancel the run  [d]etach, it goes on  any other key: stay",
    [],
  ],
  ["Ctrl-C, then c cancels", [CTRL_C, "c"], OFFER, [{ do: "cancel" }]],
  ["Ctrl-C, then d detaches", [CTRL_C, "d"], OFFER, [{ do: "detach" }]],
  ["a second Ctrl-C detaches", [CTRL_C, CTRL_C], OFFER, [{ do: "detach" }]],
  ["Ctrl-C, then another key goes on", [CTRL_C, "x"], OFFER, []],
  ["Ctrl-C twice while writing a reason detaches", ["d", "n", CTRL_C, CTRL_C], OFFER, [{ do: "detach" }]],
  ["other keys do nothing", ["x", "\r", "y"], OFFER, []],
])("%s", (_name, keys, says, actions) => {
  expect(type(keys)).toEqual({ says, actions });
});

test("without a gate to decide, p and d do nothing and nothing is offered", () => {
  const actions: Action[] = [];
  let mode: Mode = { kind: "watching" };
  for (const key of ["p", "y", "d", "\r"]) {
    const step = press(mode, key, undefined);
    mode = step.mode;
    if (step.action) actions.push(step.action);
  }
  expect({ says: dialogText(mode, undefined), actions }).toEqual({ says: undefined, actions: [] });
});

test("arrows and function keys are no input, wide characters are one key", () => {
  expect(keysOf("a\u001b[A\u001b[1;5C\u001bOP构\u001b")).toEqual(["a", "构", "\u001b"]);
});
