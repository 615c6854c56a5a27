// The group commit where the store is against it, or where what is committed together does not fit into one commit.

import { randomBytes } from "node:crypto";
import { createState } from "@mflow/core/decide";
import { MflowError } from "@mflow/core/errors";
import { DEFAULT_SCOPE } from "@mflow/core/schema/scalars";
import { expect, test } from "vitest";
import { createKeys } from "../auth/keys.ts";
import { newId } from "../new-id.ts";
import type { RunCommit, RunStore } from "../store/store.ts";
import { aJob, asAggregate, LEASE } from "../store/testing/records.ts";
import { Admission } from "./admission.ts";
import { Committer } from "./committer.ts";
import { makeContext } from "./context.ts";
import { Memory } from "./memory.ts";

const actor = { name: "ana", operator: true };
const SLOTS = 1;

/** A committer over a store that does with commits what `commit` does. */
function place(
  commit: RunStore["commit"],
  memory = new Memory(),
  load: RunStore["load"] = async () => undefined,
) {
  const admission = new Admission();
  const uncounted: string[] = [];
  admission.setLimit("slots", SLOTS);
  const options = { keys: createKeys({ current: randomBytes(32) }), groupMembers: () => [], newId };
  const context = () => makeContext(options, admission, Date.now(), actor);
  const committer = new Committer({
    runs: { commit, load } as unknown as RunStore,
    outbox: { done: async () => undefined } as never,
    memory,
    admission,
    makeContext: context,
    newEffectId: () => newId("effect"),
    lease: () => LEASE,
    deliveriesOf: () => [],
    uncounted: (aggregateId) => uncounted.push(aggregateId),
    committed: () => undefined,
  });
  const create = (id: string, key?: string) => {
    const job = { ...aJob(1), spec: { runnerType: "FAKE" as const, runnerSpec: {} } };
    const change = { type: "runJob" as const, request: { id }, scope: DEFAULT_SCOPE, job };
    return committer.create(id, () => createState(change, context()), actor, asKey(key));
  };
  return { committer, admission, create, uncounted };
}

function asKey(key: string | undefined) {
  return key === undefined ? undefined : { key, digest: key };
}

test("what could not be written holds nothing, also when memory has given it up meanwhile", async () => {
  const full = async () => {
    throw new MflowError("STORE_FULL", "the disk is full");
  };
  // Room for one of both.
  const { admission, create } = place(full, new Memory(1));
  const outcomes = await Promise.allSettled([create(newId("task")), create(newId("task"))]);
  expect(outcomes.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  expect(admission.countsOf("slots")).toEqual({ held: 0, waiting: 0 });
});

test("each Idempotency-Key is kept, also when requests with several come to one task at the same moment", async () => {
  const commits: RunCommit[] = [];
  const commit: RunStore["commit"] = async (group) => {
    commits.push(...group);
    return group.map(() => ({ ok: true, events: [] }));
  };
  const load: RunStore["load"] = async () => commits[0] && asAggregate(commits[0]);
  const { committer, create, admission } = place(commit, new Memory(), load);
  admission.setLimit("slots", 0);
  const id = newId("task");
  const again = { type: "runJob", request: { id }, scope: DEFAULT_SCOPE } as const;
  const cancel = { type: "cancelTask", taskId: id, request: {} } as const;
  await Promise.all([
    create(id, "one"),
    committer.submit(id, cancel, actor),
    committer.submit(id, again, actor, asKey("two")),
  ]);
  expect(commits.map(({ idempotency }) => idempotency?.key)).toEqual(["one", "two"]);
});

test("what could neither be written nor read then is counted again with the next change", async () => {
  const commits: RunCommit[] = [];
  let isAway = false;
  const gone = () => new MflowError("STORE_UNUSABLE", "the disk gives nothing back");
  const commit: RunStore["commit"] = async (group) => {
    if (isAway) throw gone();
    commits.push(...group);
    return group.map(() => ({ ok: true, events: [] }));
  };
  const load: RunStore["load"] = async () => {
    if (isAway) throw gone();
    return commits[0] && asAggregate(commits[0]);
  };
  const { committer, create, admission, uncounted } = place(commit, new Memory(), load);
  const id = newId("task");
  await create(id);
  expect(admission.countsOf("slots")).toEqual({ held: 1, waiting: 0 });
  isAway = true;
  const cancel = { type: "cancelTask", taskId: id, request: {} } as const;
  await expect(committer.submit(id, cancel, actor)).rejects.toMatchObject({ code: "STORE_UNUSABLE" });
  expect([admission.countsOf("slots"), uncounted]).toEqual([{ held: 0, waiting: 0 }, [id]]);
  isAway = false;
  await committer.submit(id, { type: "wake", taskId: id });
  expect(admission.countsOf("slots")).toEqual({ held: 1, waiting: 0 });
});
