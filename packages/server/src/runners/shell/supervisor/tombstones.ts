// Attempts that were stopped before they were started: a start that comes later does nothing. Kept in a file
// for some days, which is longer than any start can be under way.

import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { writeWhole } from "./journal.ts";

const KEPT_MS = 7 * 24 * 3600 * 1000;

export class Tombstones {
  readonly #path: string;
  readonly #keys = new Set<string>();

  constructor(folder: string, now: number) {
    this.#path = join(folder, "tombstones");
    let kept = "";
    for (const line of this.#read().split("\n")) {
      const [key, time] = line.split(" ");
      if (!key || !time || now - Number(time) > KEPT_MS) continue;
      this.#keys.add(key);
      kept += `${line}\n`;
    }
    writeFileSync(`${this.#path}.new`, kept, { mode: 0o600 });
    renameSync(`${this.#path}.new`, this.#path);
  }

  has(key: string): boolean {
    return this.#keys.has(key);
  }

  /** Durable when it returns. */
  add(key: string, now: number): void {
    if (this.#keys.has(key)) return;
    const fd = openSync(this.#path, "a", 0o600);
    try {
      writeWhole(fd, `${key} ${now}\n`);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    this.#keys.add(key);
  }

  #read(): string {
    try {
      return readFileSync(this.#path, "utf8");
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "ENOENT") return "";
      throw error;
    }
  }
}
