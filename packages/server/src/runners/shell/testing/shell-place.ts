// A temporary data folder with real supervisors, for the tests of the SHELL runner. Removing the folder ends
// its supervisor; `dispose` waits for that.

import { existsSync, mkdtempSync, readdirSync, readFileSync, realpathSync, writeFileSync } from "node:fs";
import { readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Runner } from "../../runner.ts";
import { createShellRunner, type ShellRunnerOptions } from "../shell-runner.ts";
import { parseExits } from "../supervisor/launch.ts";
import { findSupervisor, supervisorFolder } from "../supervisor/supervisor-record.ts";

export class ShellPlace {
  readonly dataDir: string;
  readonly warnings: string[] = [];

  constructor(name = "mflow-shell-") {
    this.dataDir = mkdtempSync(join(realpathSync(tmpdir()), name));
  }

  runner(options: Partial<ShellRunnerOptions> = {}): Runner {
    return createShellRunner({
      dataDir: this.dataDir,
      allowRootSteps: true,
      graceMs: 1000,
      limits: { bytesPerTask: 64 * 1024 * 1024, bytesPerSecond: 8 * 1024 * 1024 },
      supervisorIdleMs: 200,
      log: { info: () => {}, warn: (message) => this.warnings.push(message) },
      ...options,
    });
  }

  /** Pid of the supervisor that serves the folder. */
  get supervisorPid(): number {
    const record = findSupervisor(this.dataDir);
    if (!record) throw new Error("no supervisor serves the folder");
    return record.pid;
  }

  /** Kills the supervisor as the kernel does when memory is short; resolves when it is gone. */
  async killSupervisor(): Promise<void> {
    const pid = this.supervisorPid;
    process.kill(pid, "SIGKILL");
    await until(() => findSupervisor(this.dataDir)?.pid !== pid);
  }

  /** All text in files below the folder. */
  async allText(): Promise<string> {
    const entries = await readdir(this.dataDir, { recursive: true, withFileTypes: true });
    const files = entries.filter((entry) => entry.isFile());
    const texts = files.map((file) => readFile(join(file.parentPath, file.name), "latin1").catch(() => ""));
    return (await Promise.all(texts)).join("\n");
  }

  /** Exit statuses that steps have written down, by `<taskId>.<attempt>.<step>`. */
  exits(): Map<string, number> {
    const folder = supervisorFolder(this.dataDir);
    const files = readdirSync(folder).filter((name) => name.startsWith("exits."));
    return parseExits(files.map((name) => readFileSync(join(folder, name), "utf8")).join(""));
  }

  touch(name: string): void {
    writeFileSync(join(this.dataDir, name), "");
  }

  /** Processes whose environment names the task. */
  processesOf(taskId: string): string[] {
    return readdirSync("/proc").filter((pid) => {
      try {
        return /^[0-9]+$/.test(pid) && readFileSync(`/proc/${pid}/environ`, "latin1").includes(taskId);
      } catch {
        return false;
      }
    });
  }

  /** Files and folders of attempts, workspaces and runs, and sockets. */
  filesOfSupervisor(): string[] {
    const folder = supervisorFolder(this.dataDir);
    const within = ["tasks", "workspaces", "runs"].flatMap((name) => readdirSync(join(folder, name)));
    return [...within, ...readdirSync(folder).filter((name) => name.startsWith("socket"))];
  }

  async dispose(): Promise<void> {
    // A supervisor that still writes may fill a folder that was just emptied.
    await rm(this.dataDir, { recursive: true, force: true, maxRetries: 10 });
    const record = findSupervisor(this.dataDir);
    if (record) throw new Error("the supervisor keeps the folder");
  }
}

/** Resolves when the condition holds. */
export async function until(condition: () => boolean | Promise<boolean>, timeoutMs = 30_000): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`it did not come to pass: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Whether a process runs (a zombie does not). */
export async function runs(pid: number): Promise<boolean> {
  if (!existsSync(`/proc/${pid}`)) return false;
  const stat = await readFile(`/proc/${pid}/stat`, "latin1").catch(() => "");
  return stat !== "" && !/\) Z /.test(stat);
}
