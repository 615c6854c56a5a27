import { expect, test } from "vitest";
import { buildProgram } from "../program.ts";
import { completions } from "./complete.ts";

const program = buildProgram(
  {
    script: "mflow",
    env: {},
    cwd: "/",
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
  },
  () => undefined,
);

/** What is offered for the last of the words, as far as it begins with it. */
function offered(...words: string[]) {
  const { candidates, wants } = completions(program, words);
  const begun = words.at(-1) ?? "";
  return {
    words: candidates.map(({ word }) => word).filter((word) => word.startsWith(begun) || word === ":files"),
    wants,
  };
}

test.each<[string[], string[], string?]>([
  [["dep"], ["deprecate"]],
  [
    ["token", ""],
    ["create", "list", "revoke"],
  ],
  [
    ["get", "ru"],
    ["runs", "run"],
  ],
  [
    ["-o", ""],
    ["table", "wide", "json", "yaml", "md"],
  ],
  [["get", "runs", "-o", "j"], ["json"]],
  [["get", "--st"], ["--stage"]],
  [["get", "--output=j"], ["--output=json"]],
  [["--data", "x", "comp"], ["completion"]],
  [
    ["completion", ""],
    ["bash", "zsh", "fish"],
  ],
  [["run", "-f", ""], [":files"]],
  [["lint", "a.yaml", ""], [":files"]],
  [["audit", ""], [], "audit task"],
  [["audit", "--pass", "task-"], [], "audit task"],
  [["audit", "-m", "why", ""], [], "audit task"],
  [["cancel", "run-1", ""], [], "cancel id"],
  [["watch", "run-1", ""], []],
  [["run", "--", "--"], [], "run pipeline"],
  [["cluster", "set", ""], [], "cluster set name"],
  [["cluster", "set", "prod", ""], [], "cluster set settings"],
  [["cluster", "delete", "prod", ""], [], "cluster delete names"],
  [["channel", "get", ""], [], "channel get name"],
  [["lint", "--cluster", ""], [], "lint --cluster"],
  [["lint", "--cluster=p"], [], "lint --cluster"],
  [["nonsense", ""], []],
])("after `mflow %j` are offered %j", (words, expected, wants) => {
  expect(offered(...words)).toEqual({ words: expected, wants });
});

test("commands that only scripts call are not offered", () => {
  expect(offered("__")).toEqual({ words: [], wants: undefined });
});
