// What surrounds a decision, for tests: a clock that is set by hand, ids that count, sealing that can be
// reversed, groups, sequence locks and task slots. One world may hold several runs.

import type { AdmissionView, CircleStep } from "../admission.ts";
import { isAwaiting, SLOTS } from "../admission-keys.ts";
import type { Actor, Context } from "../change.ts";
import { digestOf } from "../digest.ts";
import { MflowError } from "../errors.ts";
import type { JobTask } from "../schema/job-task.ts";
import { type Decision, holdsSlot, takesSlot } from "../state.ts";

export interface WorldOptions {
  /** Task slots; 1,000 unless told. */
  slots?: number;
  groups?: Record<string, string[]>;
}

export class World {
  nowMs = Date.parse("2026-01-01T00:00:00.000Z");
  readonly statusGraceMs = 30_000;
  /** The key that sealed every secret is gone. */
  isKeyLost = false;
  /** May be changed while a run is played. */
  slots: number;
  /** Holder by lock. */
  readonly locks = new Map<string, string>();
  readonly #groups: Record<string, string[]>;
  readonly #holders = new Set<string>();
  readonly #waiting = new Set<string>();
  #lastId = 0;

  constructor({ slots = 1000, groups = {} }: WorldOptions = {}) {
    this.slots = slots;
    this.#groups = groups;
  }

  /** Who stands in for whom now. */
  readonly standIns = new Map<string, string>();

  /** Why somebody cannot decide; everybody else can. */
  readonly barred = new Map<string, string>();

  /** Ids of tasks whose work may be running. */
  get held(): ReadonlySet<string> {
    return this.#holders;
  }

  get now(): string {
    return new Date(this.nowMs).toISOString();
  }

  newId(prefix: string): string {
    this.#lastId++;
    return `${prefix}-${String(this.#lastId).padStart(26, "0")}`;
  }

  /** Gates that are closed. */
  readonly closed = new Set<string>();
  /** Who waits, by sequence lock. */
  readonly lines = new Map<string, string[]>();

  /** The circles of those who have to give up, by id. */
  readonly circles = new Map<string, CircleStep[]>();

  /** The context as the engine would make it; with `isTurn` all that those who wait need is kept for them, if it is there. */
  context(actor?: Actor, isTurn = false): Context {
    const context: Context = {
      now: this.now,
      nowMs: this.nowMs,
      admission: this.#admission(isTurn),
      statusGraceMs: this.statusGraceMs,
      newId: (prefix) => this.newId(prefix),
      random: () => 0.5,
      groupMembers: (group) => this.#groups[group] ?? [],
      standInOf: (user) => this.standIns.get(user),
      cannotDecide: (user) => this.barred.get(user),
      verifyUpdateToken: (token, taskId, attempt) => token === tokenOf(taskId, attempt),
      seal,
      unseal: (sealed) => {
        if (this.isKeyLost) throw new MflowError("SECRET_KEY_UNKNOWN", "the key is not here");
        return unseal(sealed);
      },
      isSealed,
      fingerprint: (plain) => digestOf(["fingerprint", plain]),
    };
    if (actor) context.actor = actor;
    return context;
  }

  #admission(isTurn: boolean): AdmissionView {
    const hasWaiting = this.#waiting.size > 0;
    return {
      holding: (key) => {
        if (key === SLOTS) {
          return {
            held: this.#holders.size,
            limit: hasWaiting && !isTurn ? 0 : this.slots,
            isAwaited: hasWaiting,
          };
        }
        const held = this.locks.has(key) ? 1 : 0;
        const limit = this.closed.has(key) ? 0 : Number.POSITIVE_INFINITY;
        return { held, limit, isAwaited: (this.lines.get(key)?.length ?? 0) > 0 };
      },
      lineAt: (key) => {
        const line = this.lines.get(key) ?? [];
        const first = this.locks.get(key) ?? line[0];
        return { ...(first === undefined ? {} : { first }), waiting: line.length };
      },
      // A run has nothing to wait for but its lock here.
      isGranted: (id) => isTurn && id.startsWith("run-"),
      circleOf: (id) => this.circles.get(id),
    };
  }

  /** Books locks and slots as a commit would. */
  commit(decision: Decision): void {
    for (const key of decision.claims) {
      const holder = this.locks.get(key);
      if (holder !== undefined) throw new Error(`${decision.id} claims ${key}, which ${holder} holds`);
      this.locks.set(key, decision.id);
    }
    for (const key of decision.releases) {
      if (this.locks.get(key) !== decision.id) throw new Error(`${decision.id} releases ${key} of another`);
      this.locks.delete(key);
    }
    for (const task of decision.tasks) this.#book(task);
    if (this.#holders.size > this.slots) throw new Error(`${this.#holders.size} tasks hold a slot`);
  }

  #book(task: JobTask): void {
    if (holdsSlot(task)) this.#holders.add(task.id);
    else this.#holders.delete(task.id);
    if (takesSlot(task) && isAwaiting(task)) this.#waiting.add(task.id);
    else this.#waiting.delete(task.id);
  }
}

/** The update token of an attempt. */
export function tokenOf(taskId: string, attempt: number): string {
  return `token-${taskId}-${attempt}`;
}

const SEALED = /^sealed:(?:[0-9a-f]{2})*$/;

/** Hex: the plain value is not to be found in it. What is sealed already is left alone, as the real one does. */
export function seal(plain: string): string {
  if (isSealed(plain)) return plain;
  const bytes = new TextEncoder().encode(plain);
  return `sealed:${[...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

export function unseal(sealed: string): string {
  const hex = sealed.slice("sealed:".length).match(/../g) ?? [];
  return new TextDecoder().decode(Uint8Array.from(hex, (byte) => Number.parseInt(byte, 16)));
}

export function isSealed(text: string): boolean {
  return SEALED.test(text);
}
