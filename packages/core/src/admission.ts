// What must be held before work begins: keys, each with a limit. A run needs keys to begin, a task to start; what
// they are follows from definition and row alone (admission-keys.ts). The engine counts who holds what.

/** One key of what a run or task must hold. */
export interface Need {
  key: string;
  /** How many may hold the key while this one does, itself included; absent: it sets no limit. */
  limit?: number;
}

/** How a key stands for somebody who comes now. */
export interface Holding {
  /** Places that are taken, those included that are kept for others. */
  held: number;
  /** At most so many may hold it: the least of what its holders and an admin allow; 0 when it is closed to newcomers. */
  limit: number;
  /** Whether others wait for it: what is let go is theirs. */
  isAwaited: boolean;
}

/** What a decision asks of the engine's count. */
export interface AdmissionView {
  /** How a key stands for a newcomer of this priority. */
  holding(key: string, priority: number): Holding;
  /** Who holds the key first of all, else who waits for it first; and how many wait. */
  lineAt(key: string): { first?: string; waiting: number };
  /** Whether this run or task waited, and all that it needs is kept for it now. */
  isGranted(id: string): boolean;
  /** Of a run or task that has to give up, because it and others wait for each other for ever: the way back to it. */
  circleOf(id: string): CircleStep[] | undefined;
}

/** One of those who wait for each other in a circle. */
export interface CircleStep {
  id: string;
  /** What it waits for, and the next one holds; absent when it waits until the next one has ended. */
  key?: string;
}

/** Somebody who waits: parked at one of the keys or gates that keep them. */
export interface Wait {
  /** The key, or the gate that is closed. */
  key: string;
  /** At most so many may hold the key; absent for a gate. */
  limit?: number;
  /** Ids of the runs and tasks that hold it, at most `MAX_HOLDERS` of them. */
  holders: string[];
  /** How many hold it. */
  held: number;
  /** How many wait for it before this one. */
  place: number;
  /** RFC 3339. */
  since: string;
  /** Why the gate is closed. */
  closure?: Closure;
}

export const MAX_HOLDERS = 10;

/** Why a gate is closed: somebody paused what is behind it, or a run let its lock go and has not got it back. */
export interface Closure {
  /** Who paused it; absent when a lock is missing. */
  by?: string;
  /** RFC 3339. */
  at: string;
  message?: string;
}

/** An engine without limits, for dry runs and tests. */
export const UNLIMITED: AdmissionView = {
  holding: () => ({ held: 0, limit: Number.POSITIVE_INFINITY, isAwaited: false }),
  lineAt: () => ({ waiting: 0 }),
  isGranted: () => false,
  circleOf: () => undefined,
};
