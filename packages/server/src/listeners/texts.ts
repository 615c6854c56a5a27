// The words of messages to people: one shape, so that neither language lacks a word that the other has.

import type { GateVerdict } from "@mflow/core/schema/gate";
import type { TaskStage } from "@mflow/core/schema/job-task";
import type { Language, ListenerEvent } from "@mflow/core/schema/listener";
import type { RunStage, TriggerMode } from "@mflow/core/schema/pipeline-task";
import { en } from "./texts-en.ts";
import { zh } from "./texts-zh.ts";

/** Names of the facts. */
export type FactLabel =
  | "changed"
  | "pipeline"
  | "task"
  | "job"
  | "namespace"
  | "attempt"
  | "startedBy"
  | "by"
  | "waitsFor"
  | "since"
  | "until"
  | "result"
  | "decisions"
  | "content"
  | "reason"
  | "failedStep"
  | "duration"
  | "at"
  | "id";

export interface Texts {
  /** What each event is called at the start of a title. */
  events: Readonly<Record<ListenerEvent, string>>;
  stages: Readonly<Record<TaskStage | RunStage, string>>;
  labels: Readonly<Record<FactLabel | "params" | "log", string>>;
  /** What a title says of what: `FAILED: release / prod`. */
  title(event: string, subject: string): string;
  change(from: string, to: string): string;
  /** A thing with a remark: `prod (stage production)`. */
  remark(thing: string, remark: string): string;
  stageRemark(stage: string): string;
  triggerModes: Readonly<Record<TriggerMode, string>>;
  list(names: readonly string[]): string;
  passed(passes: number, required: number): string;
  decision(user: string, verdict: GateVerdict, onBehalfOf?: string, pushBackTo?: string): string;
  takenBack: string;
  decisionList(decisions: readonly string[]): string;
  /** What a reason is called; a runner may have codes of its own. */
  reasonCode(code: string): string;
  /** What a reason is called and its sentence. */
  reason(name: string, sentence: string): string;
  exitCode(code: number): string;
  signal(name: string): string;
  timedOut: string;
  more(count: number): string;
  buttons: Readonly<Record<"PASS" | "DENY", string>>;
  openTask: string;
  openRun: string;
}

const LANGUAGES: Readonly<Record<Language, Texts>> = { en, zh };

export function textsOf(language: Language): Texts {
  return LANGUAGES[language];
}
