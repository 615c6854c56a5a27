import { expect, test } from "vitest";
import { runOf, waitingGate } from "../testing/watched-run.ts";
import { firstDecidable } from "./decidable.ts";

const bob = { name: "bob", groups: ["ops"] };
const dan = { name: "dan", groups: [], standsInFor: [{ name: "cem", groups: ["ops"] }] };
const pass = { verdict: "PASS", at: "", digest: "" };

function decidable(people: string[], change = {}, person = bob) {
  const run = runOf({ deploy: [{ name: "done" }, { name: "prod", audit: waitingGate(people, change) }] });
  return firstDecidable(run, person)?.path;
}

test.each([
  ["who is listed by name", ["alice", "bob"], {}, bob, "deploy/prod"],
  ["a member of a listed group", ["@ops"], {}, bob, "deploy/prod"],
  ["everybody, when @everyone is listed", ["@everyone"], {}, bob, "deploy/prod"],
  ["nobody who is not listed", ["alice", "@dev"], {}, bob, undefined],
  ["not who started the run", ["alice"], {}, { name: "alice", groups: [] }, undefined],
  [
    "who started the run, with allowSelf",
    ["alice"],
    { allowSelf: true },
    { name: "alice", groups: [] },
    "deploy/prod",
  ],
  [
    "not who has decided already",
    ["bob"],
    { required: 2, decisions: [{ user: "bob", verdict: "PASS", at: "", digest: "" }] },
    bob,
    undefined,
  ],
  [
    "again to who took their pass back",
    ["bob"],
    { decisions: [{ ...pass, user: "bob", withdrawnAt: "" }] },
    bob,
    "deploy/prod",
  ],
  ["who stands in for somebody who is listed", ["@ops"], {}, dan, "deploy/prod"],
  [
    "not to a stand-in when the one who is away has decided",
    ["cem"],
    { decisions: [{ ...pass, user: "cem" }] },
    dan,
    undefined,
  ],
  [
    "not to who decided for somebody else already",
    ["cem", "dan"],
    { decisions: [{ ...pass, user: "dan", onBehalfOf: "cem" }] },
    dan,
    undefined,
  ],
  ["nobody at a gate that has closed", ["bob"], { stage: "PASS" }, bob, undefined],
])("a gate is offered to: %s", (_name, people, change, person, path) => {
  expect(decidable(people, change, person)).toBe(path);
});
