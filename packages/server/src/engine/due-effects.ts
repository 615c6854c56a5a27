// Takes up effects that are due and nobody's. A safety net for those whose worker died elsewhere; everything else is woken
// by signal.

import { isEnded } from "@mflow/core/transitions";
import type { Effect, Lease, Outbox, RunStore } from "../store/store.ts";
import type { EffectWorkers } from "./effects.ts";
import type { Timers } from "./timers.ts";

export interface DueEffectsParts {
  runs: Pick<RunStore, "definition" | "task">;
  outbox: Pick<Outbox, "claim">;
  workers: Pick<EffectWorkers, "run">;
  timers: Timers;
  lease(): Lease;
  now(): number;
  /** Notes an effect that there is no need for any more. */
  done(effectId: string): void;
  warn(message: string, error?: unknown): void;
}

const SWEEP_MS = 30_000;
/** Effects that one look takes. */
const AT_ONCE = 500;

export class DueEffects {
  readonly #parts: DueEffectsParts;
  #isClosed = false;

  constructor(parts: DueEffectsParts) {
    this.#parts = parts;
  }

  /** Looks from now on, so often. */
  start(): void {
    this.#parts.timers.after(SWEEP_MS, () => {
      void this.look();
      this.start();
    });
  }

  close(): void {
    this.#isClosed = true;
  }

  /** Looks once an effect is due. */
  lookAt(dueAt: number): void {
    this.#parts.timers.at(dueAt, () => void this.look());
  }

  async look(): Promise<void> {
    if (this.#isClosed) return;
    const { outbox, lease, now, warn } = this.#parts;
    try {
      await this.takeUp(await outbox.claim(lease(), now(), AT_ONCE));
    } catch (error) {
      warn("could not look for due effects", error);
    }
  }

  /** Hands effects that are ours to the workers. */
  async takeUp(effects: readonly Effect[]): Promise<void> {
    const { runs, workers, done } = this.#parts;
    for (const effect of effects) {
      const definition = await runs.definition(effect.aggregateId);
      const task = await runs.task(effect.taskId);
      // A lone task may have been run again since it was to be let go: its new attempt needs what it has by now.
      const isNeeded = effect.kind === "RELEASE" && task && !isEnded(task.status.stage);
      if (!definition || isNeeded) done(effect.id);
      else workers.run({ effect, task, definition });
    }
  }
}
