// Answers attempts that wait for files: asks the store, as often as need be, and tells the supervisor where they are.

import { MflowError } from "@mflow/core/errors";
import type { FetchSpec } from "@mflow/core/schema/artifact";
import { attemptKey } from "../attempt-key.ts";
import type { RunnerHost } from "../runner.ts";
import type { Given, Ref, ToSupervisor, Want } from "./supervisor/protocol.ts";

const FIRST_BACKOFF_MS = 100;
const MAX_BACKOFF_MS = 5000;

export interface ProviderParts {
  /** Absent once the runner is closed. */
  host(): RunnerHost | undefined;
  send(message: ToSupervisor): void;
  warn(message: string): void;
}

export class FileProvider {
  readonly #parts: ProviderParts;
  /** Attempts that are being answered. */
  readonly #working = new Set<string>();
  /** What went wrong with the last try, by attempt. */
  readonly #troubles = new Map<string, string>();

  constructor(parts: ProviderParts) {
    this.#parts = parts;
  }

  /** Called again for an attempt that is being answered, it does nothing. */
  provide(ref: Ref, want: Want): void {
    const key = `${attemptKey(ref)} ${want.kind}`;
    if (this.#working.has(key)) return;
    this.#working.add(key);
    void this.#answer(ref, want).finally(() => {
      this.#working.delete(key);
      this.#troubles.delete(attemptKey(ref));
    });
  }

  /** What keeps an attempt from getting its files; nothing of one that waits for none. */
  troubleOf(ref: Ref): string | undefined {
    return this.#troubles.get(attemptKey(ref));
  }

  async #answer(ref: Ref, want: Want): Promise<void> {
    for (let backoff = FIRST_BACKOFF_MS; ; backoff = Math.min(backoff * 2, MAX_BACKOFF_MS)) {
      const host = this.#parts.host();
      if (!host) return;
      try {
        // Nobody waits any more for what was stopped; it has answered itself.
        if ((await host.standing(ref)) !== "AT_WORK") return;
        this.#parts.send({ type: "given", ref, given: await givenBy(host, ref, want) });
        return;
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error);
        // A cache is never needed: nobody waits for one.
        if (want.kind === "caches" || (error instanceof MflowError && error.status < 500)) {
          this.#parts.send({ type: "given", ref, given: { kind: "failure", message } });
          return;
        }
        this.#troubles.set(attemptKey(ref), message);
        this.#parts.warn(
          `files for ${ref.taskId}, attempt ${ref.attempt}: ${message}; next try in ${backoff} ms`,
        );
        await new Promise((wake) => setTimeout(wake, backoff));
      }
    }
  }
}

async function givenBy({ files }: RunnerHost, ref: Ref, want: Want): Promise<Given> {
  if (!files) return { kind: "failure", message: "this server keeps no artifacts and caches" };
  if (want.kind === "fetch") {
    return { kind: "fetch", files: await files.fetch(ref, want.items as FetchSpec[]) };
  }
  const found = await files.restore(ref, want.items);
  return { kind: "caches", caches: found.map((one) => one ?? null) };
}
