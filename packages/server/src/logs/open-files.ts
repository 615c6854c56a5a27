// A bounded set of open files. Thousands of logs are written and read at a time; the files that were used
// last stay open, the others are opened again when needed.

import { type FileHandle, open } from "node:fs/promises";

interface OpenFile {
  handle: Promise<FileHandle>;
  users: number;
  /** To be closed when its last user is done. */
  forgotten: boolean;
}

export class OpenFiles {
  readonly #limit: number;
  /** The one used longest ago comes first. */
  readonly #files = new Map<string, OpenFile>();
  readonly #waiting: (() => void)[] = [];
  #open = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /**
   * Works with an open file. Waits while as many files as allowed are in use, so `work` must not call `use`
   * again. Rejects as `open` does; `flags` count only when the file is not open yet.
   */
  async use<T>(path: string, flags: number, work: (handle: FileHandle) => Promise<T>): Promise<T> {
    const file = await this.#take(path, flags);
    try {
      return await work(await file.handle);
    } finally {
      file.users--;
      if (file.forgotten && file.users === 0) await this.#close(file);
      this.#waiting.shift()?.();
    }
  }

  /** Closes a file as soon as nobody uses it; to be called before it is renamed or removed. */
  async forget(path: string): Promise<void> {
    const file = this.#files.get(path);
    if (!file) return;
    this.#files.delete(path);
    file.forgotten = true;
    if (file.users === 0) await this.#close(file);
  }

  /** Closes all files. Those in use are closed when their work is done. */
  async close(): Promise<void> {
    await Promise.all([...this.#files.keys()].map((path) => this.forget(path)));
  }

  async #take(path: string, flags: number): Promise<OpenFile> {
    for (;;) {
      const known = this.#files.get(path);
      if (known) {
        known.users++;
        this.#files.delete(path);
        this.#files.set(path, known);
        return known;
      }
      if (this.#open < this.#limit) break;
      const idle = [...this.#files].find(([, file]) => file.users === 0);
      if (idle) await this.forget(idle[0]);
      else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    this.#open++;
    const file: OpenFile = { handle: open(path, flags, 0o600), users: 1, forgotten: false };
    this.#files.set(path, file);
    file.handle.catch(() => {
      if (this.#files.get(path) === file) this.#files.delete(path);
      file.forgotten = true;
    });
    return file;
  }

  async #close(file: OpenFile): Promise<void> {
    try {
      const handle = await file.handle.catch(() => undefined);
      await handle?.close();
    } finally {
      this.#open--;
      this.#waiting.shift()?.();
    }
  }
}
