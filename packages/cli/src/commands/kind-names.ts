// The kinds of records by the words that people use for them. Apart from what is done with them, because the
// command line is declared before anything else is loaded.

export type KindName = "job" | "pipeline" | "schedule" | "run" | "task" | "user" | "group" | "token";

const words: Record<string, KindName> = {
  jobs: "job",
  pipelines: "pipeline",
  schedules: "schedule",
  runs: "run",
  tasks: "task",
  users: "user",
  groups: "group",
  tokens: "token",
  job: "job",
  pipeline: "pipeline",
  schedule: "schedule",
  run: "run",
  task: "task",
  user: "user",
  group: "group",
  token: "token",
  "pipeline-tasks": "run",
  "job-tasks": "task",
};

export const KIND_WORDS = Object.keys(words);
export const DESCRIBED = ["job", "pipeline", "schedule", "run", "task"];
export const DELETABLE = ["job", "pipeline", "schedule", "run", "task", "runs", "tasks"];

/** The kind that a word of the command line names; the declarations of commands let no other word through. */
export function kindOf(word: string): KindName {
  const kind = words[word];
  if (!kind) throw new Error(`${word} is no kind`);
  return kind;
}
