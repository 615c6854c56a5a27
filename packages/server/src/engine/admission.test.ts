// The admission: lines, places, limits, gates and patience by example; admission.properties.test.ts has the rest.

import { describe, expect, test } from "vitest";
import { Admission, type Claim, PATIENCE } from "./admission.ts";

const at = (second: number) => new Date(second * 1000).toISOString();

function claim(since: number, keys: Record<string, number>, more: Partial<Claim> = {}): Claim {
  const needs = Object.entries(keys).map(([key, limit]) => ({ key, limit }));
  return { gates: ["server"], needs, priority: 0, since: at(since), ...more };
}

/** A count whose turns are used at once. */
class Play {
  readonly admission = new Admission();
  readonly #claims = new Map<string, { claim: Claim; aggregateId: string }>();

  come(id: string, claim: Claim, aggregateId = id): string[] {
    this.#claims.set(id, { claim, aggregateId });
    this.admission.note(id, { aggregateId, holds: [], waits: claim });
    return this.settle();
  }

  go(id: string): string[] {
    this.admission.note(id);
    return this.settle();
  }

  settle(): string[] {
    const turns = this.admission.grant().map(({ id }) => id);
    for (const id of turns) {
      const { claim, aggregateId = id } = this.#claims.get(id) ?? {};
      this.admission.note(id, { aggregateId, holds: claim?.needs ?? [] });
    }
    return turns;
  }
}

test("one goes at a time through a key with limit 1, first come first served, and each knows its place", () => {
  const play = new Play();
  expect(play.come("a", claim(1, { lock: 1 }))).toEqual(["a"]);
  expect(play.come("b", claim(2, { lock: 1 }))).toEqual([]);
  expect(play.come("c", claim(3, { lock: 1 }))).toEqual([]);
  expect(play.admission.waitOf("a")).toBe(undefined);
  expect(play.admission.waitOf("c")).toEqual({
    key: "lock",
    limit: 1,
    holders: ["a"],
    held: 1,
    place: 1,
    since: at(3),
  });
  expect(play.go("a")).toEqual(["b"]);
  expect(play.admission.waitOf("c")?.place).toBe(0);
  expect(play.go("c")).toEqual([]);
  expect(play.go("b")).toEqual([]);
  expect(play.admission.countsOf("lock")).toEqual({ held: 0, waiting: 0 });
});

test("a higher priority goes first, within one who came first", () => {
  const play = new Play();
  play.come("a", claim(1, { lock: 1 }));
  play.come("b", claim(2, { lock: 1 }));
  play.come("c", claim(3, { lock: 1 }, { priority: 5 }));
  play.come("d", claim(4, { lock: 1 }, { priority: 5 }));
  expect(["b", "c", "d"].map((id) => play.admission.waitOf(id)?.place)).toEqual([2, 0, 1]);
  expect(["a", "c", "d", "b"].map((id) => play.go(id))).toEqual([["c"], ["d"], ["b"], []]);
});

test("who is blocked elsewhere does not block those behind, and keeps their place", () => {
  const play = new Play();
  play.come("x", claim(1, { group: 1 }));
  play.come("y", claim(1, { slot: 1 }));
  play.come("both", claim(2, { slot: 1, group: 1 }));
  play.come("late", claim(3, { slot: 1 }));
  expect(play.go("y")).toEqual(["late"]);
  expect(play.admission.waitOf("both")?.key).toBe("group");
  expect(play.go("x")).toEqual([]);
  expect(play.admission.waitOf("both")?.key).toBe("slot");
  expect(play.go("late")).toEqual(["both"]);
});

test("of different limits for one key the least of its holders counts, and one's own", () => {
  const play = new Play();
  play.come("a", claim(1, { group: 3 }));
  play.come("b", claim(2, { group: 2 }));
  expect(play.come("c", claim(3, { group: 3 }))).toEqual([]);
  expect(play.admission.waitOf("c")?.limit).toBe(2);
  expect(play.go("b")).toEqual(["c"]);
  expect(play.come("alone", claim(4, { group: 1 }))).toEqual([]);
  expect(play.come("d", claim(5, { group: 3 }))).toEqual(["d"]);
  expect(["a", "c", "d"].map((id) => play.go(id))).toEqual([[], [], ["alone"]]);
  expect(play.come("e", claim(6, { group: 3 }))).toEqual([]);
});

test("an admin's limit takes effect at once, and ends nothing", () => {
  const play = new Play();
  play.admission.setLimit("scope", 1);
  play.come("a", claim(1, { scope: 9 }));
  play.come("b", claim(2, { scope: 9 }));
  play.come("c", claim(3, { scope: 9 }));
  play.admission.setLimit("scope", 2);
  expect(play.settle()).toEqual(["b"]);
  play.admission.setLimit("scope", 1);
  expect(play.go("a")).toEqual([]);
  expect(play.admission.waitOf("c")?.limit).toBe(1);
  play.admission.setLimit("scope", undefined);
  expect(play.settle()).toEqual(["c"]);
});

test("behind a closed gate all wait, and go in their order when it opens", () => {
  const play = new Play();
  const closure = { by: "ann", at: at(0), message: "upgrade" };
  play.admission.close("server", closure);
  expect(play.admission.holding("server", 0).limit).toBe(0);
  play.come("b", claim(2, { lock: 1 }));
  play.come("a", claim(1, { other: 1 }));
  expect(play.admission.waitOf("b")).toEqual({
    key: "server",
    holders: [],
    held: 0,
    place: 1,
    since: at(2),
    closure,
  });
  play.admission.open("server");
  expect(play.settle()).toEqual(["a", "b"]);
});

test("a turn that is not used is given again, and not while a gate is closed", () => {
  const { admission } = new Play();
  const waits = claim(1, { lock: 1 });
  admission.note("a", { aggregateId: "run", holds: [], waits });
  expect(admission.grant()).toEqual([{ id: "a", aggregateId: "run" }]);
  expect(admission.isGranted("a")).toBe(true);
  expect(admission.holding("lock", 0)).toEqual({ held: 1, limit: 1, isAwaited: false });
  admission.close("server", { at: at(0) });
  expect(admission.isGranted("a")).toBe(false);
  admission.answered("a");
  expect(admission.grant()).toEqual([]);
  expect(admission.countsOf("lock")).toEqual({ held: 0, waiting: 1 });
  admission.open("server");
  expect(admission.grant()).toEqual([{ id: "a", aggregateId: "run" }]);
});

test("room that has just come is not for a newcomer while others wait for it", () => {
  const play = new Play();
  play.come("a", claim(1, { lock: 1 }));
  play.come("b", claim(2, { lock: 1 }));
  play.admission.note("a");
  expect(play.admission.holding("lock", 0).limit).toBe(0);
  expect(play.settle()).toEqual(["b"]);
});

test("who needs two busy keys is not starved by those who need one of them", () => {
  const play = new Play();
  play.come("left0", claim(1, { left: 1 }));
  play.come("right0", claim(1, { right: 1 }));
  play.come("both", claim(2, { left: 1, right: 1 }));
  const gone: string[] = [];
  for (let n = 1; n < 3 * PATIENCE && !gone.includes("both"); n++) {
    for (const side of ["left", "right"]) {
      play.come(`${side}${n}`, claim(2 + n, { [side]: 1 }));
      gone.push(...play.go(`${side}${n - 1}`));
    }
  }
  expect(gone.at(-1)).toBe("both");
  expect(gone.length).toBeLessThanOrEqual(2 * PATIENCE);
  expect(play.go("both").length).toBeGreaterThan(0);
});

test("who wants a key alone is not starved by those who share it", () => {
  const play = new Play();
  play.come("s0", claim(1, { group: 2 }));
  play.come("alone", claim(2, { group: 1 }));
  const gone: string[] = [];
  for (let n = 1; n < 3 * PATIENCE && !gone.includes("alone"); n++) {
    gone.push(...play.come(`s${n}`, claim(2 + n, { group: 2 })), ...play.go(`s${n - 1}`));
  }
  expect(gone.at(-1)).toBe("alone");
});

test("nobody insists on keys while what they are behind is paused", () => {
  const play = new Play();
  const gates = ["server", "run"];
  play.come("s0", claim(1, { group: 2 }));
  play.come("alone", claim(2, { group: 1 }, { gates }));
  for (let n = 1; n <= 2 * PATIENCE; n++) {
    play.come(`s${n}`, claim(2 + n, { group: 2 }));
    if (!play.admission.waitOf(`s${n}`)) {
      play.go(`s${n - 1}`);
      continue;
    }
    // From now on nobody gets in before it, until its run is paused.
    play.admission.close("run", { at: at(0) });
    expect(play.settle()).toEqual([`s${n}`]);
    expect([play.go(`s${n - 1}`), play.go(`s${n}`)]).toEqual([[], []]);
    play.admission.open("run");
    expect(play.settle()).toEqual(["alone"]);
    return;
  }
  throw new Error("it never insisted");
});

describe("one who insists", () => {
  /** Says no limit of its own. */
  const ANY = Number.POSITIVE_INFINITY;

  /** `first` waits for a group that a run holds, and was looked at in vain so often that it keeps the slots for itself. */
  const insisting = () => {
    const play = new Play();
    play.admission.setLimit("slots", 1);
    play.come("slot-0", claim(0, { slots: ANY }));
    play.come("first", claim(2, { group: 1, slots: ANY }));
    // The group is free while there is no slot, and the other way round: two looks in vain.
    const last = PATIENCE / 2 - 1;
    for (let n = 0; n <= last; n++) {
      play.come(`run-${n}`, claim(10 + n, { group: 1 }));
      play.go(`slot-${n}`);
      if (n === last) break;
      play.come(`slot-${n + 1}`, claim(0, { slots: ANY }, { priority: 1 }));
      play.go(`run-${n}`);
    }
    return { play, holder: `run-${last}` };
  };

  test("keeps the slot that it needs from those behind it", () => {
    const { play } = insisting();
    expect(play.come("stranger", claim(100, { slots: ANY }))).toEqual([]);
    expect(play.admission.findCircle()).toBe(undefined);
    expect(play.settle()).toEqual([]);
  });

  test("leaves those behind it what is more than the place that it needs", () => {
    const { play } = insisting();
    play.admission.setLimit("slots", 3);
    expect(play.come("stranger", claim(100, { slots: ANY }))).toEqual(["stranger"]);
    expect(play.admission.holding("slots", 0)).toEqual({ held: 2, limit: 3, isAwaited: true });
  });

  test("insists no more when that keeps a task of the run for which it waits", () => {
    const { play, holder } = insisting();
    expect(play.come("task", claim(100, { slots: ANY }), holder)).toEqual([]);
    expect(play.admission.mayCircle).toBe(true);
    expect(play.admission.findCircle()).toBe(undefined);
    expect(play.settle()).toEqual(["task"]);
    play.go("task");
    expect(play.go(holder)).toEqual(["first"]);
  });
});
