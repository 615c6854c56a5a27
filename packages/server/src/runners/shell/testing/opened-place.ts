// A data folder with an opened runner, and the shortest way to run a spec to its end.

import type { Runner, RunnerReport, StartRequest } from "../../runner.ts";
import { RecordingHost } from "../../testing/recording-host.ts";
import { startRequest } from "../../testing/start-request.ts";
import type { ShellRunnerOptions } from "../shell-runner.ts";
import { ShellPlace } from "./shell-place.ts";

export interface Ran {
  request: StartRequest;
  report: RunnerReport;
  /** The log as `stream step| text`. */
  texts: string[];
}

export class OpenedPlace extends ShellPlace {
  #runner: Runner | undefined;
  host = new RecordingHost();

  static async open(options: Partial<ShellRunnerOptions> = {}): Promise<OpenedPlace> {
    const place = new OpenedPlace();
    await place.openRunner(options);
    return place;
  }

  get current(): Runner {
    if (!this.#runner) throw new Error("no runner is open");
    return this.#runner;
  }

  /** A new server on the folder; what was reported before is no longer looked at. */
  async openRunner(options: Partial<ShellRunnerOptions> = {}): Promise<void> {
    const { files } = this.host;
    this.host = new RecordingHost();
    if (files) this.host.files = files;
    this.#runner = this.runner(options);
    await this.#runner.open(this.host);
  }

  /** Starts a spec, or a script as its only step. */
  async start(
    spec: Record<string, unknown> | string,
    changes: Partial<StartRequest> = {},
  ): Promise<StartRequest> {
    const request = startRequest(typeof spec === "string" ? { steps: [{ run: spec }] } : spec, changes);
    await this.current.start(request);
    return request;
  }

  async run(spec: Record<string, unknown> | string, changes: Partial<StartRequest> = {}): Promise<Ran> {
    const request = await this.start(spec, changes);
    const report = await this.host.final(request);
    return { request, report, texts: this.host.texts(request) };
  }

  override async dispose(): Promise<void> {
    await this.#runner?.close();
    await super.dispose();
  }
}
