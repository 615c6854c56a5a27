// Deciding by the links of mails and robots' messages, over real HTTP.

import type { JobTaskView, RunJobResponse } from "@mflow/core/schema/api";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createDecisionLinks, type DecisionLink } from "../../listeners/decision-links.ts";
import { job } from "../testing/manifests.ts";
import { startTestServer, type TestServer } from "../testing/test-server.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
  await server.ok("POST", "/apply", { documents: [job("ship", {}, { publish: true })] });
});
afterAll(() => server.close());

/** A task that waits for the audit of `vera` and `otto`, started by `ada`. */
async function waitingTask(): Promise<JobTaskView> {
  const audit = { auditors: ["vera", "otto"], required: 2 };
  return (await server.ok<RunJobResponse>("POST", "/job-tasks", { job: "ship", audit })).task;
}

let lastDelivery = 0;

function linkTo(task: JobTaskView, change: Partial<DecisionLink> = {}): string {
  const links = createDecisionLinks(server.keys, () => server.url);
  const link: DecisionLink = {
    deliveryId: `dlv-${++lastDelivery}`,
    taskId: task.id,
    attempt: 1,
    gate: "audit",
    digest: task.audit?.digest ?? "",
    user: "vera",
    expiresAt: Date.now() + 60_000,
    ...change,
  };
  return links.url(link, "PASS");
}

async function open(url: string, language = "en"): Promise<[number, string]> {
  const response = await fetch(url, { headers: { "accept-language": language } });
  return [response.status, await response.text()];
}

async function post(url: string, fields: Record<string, string>): Promise<[number, string]> {
  const response = await fetch(url, {
    method: "POST",
    body: new URLSearchParams(fields),
    headers: { "user-agent": "a browser", origin: server.url },
  });
  return [response.status, await response.text()];
}

const decisions = async (id: string) => {
  const task = await server.ok<JobTaskView>("GET", `/job-tasks/${id}`);
  return task.audit?.decisions.map(({ user, verdict, comment }) => [user, verdict, comment]);
};

const records = async (taskId: string) => {
  const rows = await server.store.records.list({ after: 0, limit: 100, taskId });
  return rows.filter(({ act }) => act !== "OPEN");
};

test("following the link decides nothing and names who decides what; the form decides, once", async () => {
  const task = await waitingTask();
  const url = linkTo(task);
  const [status, page] = await open(url);
  expect(status).toBe(200);
  for (const shown of ["May ship run?", "You decide as vera.", "ada", task.audit?.digest ?? "none", "0 / 2"])
    expect(page).toContain(shown);
  expect(page).not.toContain("<script");
  expect(await decisions(task.id)).toEqual([]);

  expect((await post(url, { verdict: "PASS", comment: "fine" }))[1]).toContain("Your pass is recorded.");
  expect(await decisions(task.id)).toEqual([["vera", "PASS", "fine"]]);
  const [again, refusal] = await post(url, { verdict: "PASS" });
  expect([again, refusal.includes('role="alert"')]).toEqual([409, true]);
  expect(await decisions(task.id)).toEqual([["vera", "PASS", "fine"]]);
  const rows = await records(task.id);
  expect(rows.map(({ act, user, verdict, code, source }) => [act, user, verdict, code, source?.via])).toEqual(
    [
      ["DECIDE", "vera", "PASS", undefined, "LINK"],
      ["REFUSE", "vera", "PASS", "LINK_USED", "LINK"],
    ],
  );
  expect(rows[0]?.source).toMatchObject({ userAgent: "a browser", address: "127.0.0.1" });
});

test("a link that was used opens a page that says so, without buttons, though the gate waits for others", async () => {
  const task = await waitingTask();
  const url = linkTo(task);
  await post(url, { verdict: "PASS" });
  const [status, page] = await open(url);
  expect([status, page.includes("was used for a decision before"), page.includes("<form")]).toEqual([
    ...[409, true, false],
  ]);
  expect((await open(linkTo(task, { user: "otto" })))[0]).toBe(200);
});

test("a denial needs a comment, and the page keeps what was typed", async () => {
  const task = await waitingTask();
  const url = linkTo(task);
  const [status, page] = await post(url, { verdict: "DENY", comment: "  " });
  expect(status).toBe(400);
  expect(page).toContain("say why");
  expect((await post(url, { verdict: "DENY", comment: "not today" }))[0]).toBe(200);
  expect(await decisions(task.id)).toEqual([["vera", "DENY", "not today"]]);
});

test("a link of a group asks for a token, and its owner decides by the gate's rules", async () => {
  const task = await waitingTask();
  const url = linkTo(task, { user: undefined });
  expect((await open(url))[1]).toContain("Your mflow token");
  expect((await post(url, { verdict: "PASS", token: "wrong" }))[0]).toBe(401);
  expect((await post(url, { verdict: "PASS", token: server.token("tim") }))[0]).toBe(404);
  const [status, page] = await post(url, { verdict: "PASS", token: server.token("ada") });
  expect([status, page.includes("ada is not listed")]).toEqual([403, true]);
  expect((await post(url, { verdict: "PASS", token: server.token("otto") }))[0]).toBe(200);
  expect(await decisions(task.id)).toEqual([["otto", "PASS", undefined]]);
  // It serves each of them once: the gate needs two.
  expect((await post(url, { verdict: "PASS", token: server.token("otto") }))[0]).toBe(409);
  expect((await post(url, { verdict: "PASS", token: server.token("vera") }))[0]).toBe(200);
  const made = (await records(task.id)).map(({ act, user, code }) => [act, user, code]);
  expect(made).toEqual([
    ["REFUSE", undefined, "UNAUTHORIZED"],
    ["REFUSE", "tim", "NOT_FOUND"],
    ["REFUSE", "ada", "NOT_LISTED"],
    ["DECIDE", "otto", undefined],
    ["REFUSE", "otto", "LINK_USED"],
    ["DECIDE", "vera", undefined],
  ]);
});

test("an expired link is refused and recorded once; a forged one is refused", async () => {
  const task = await waitingTask();
  const url = linkTo(task, { expiresAt: Date.now() - 1 });
  expect(await open(url)).toEqual([410, expect.stringContaining("This link has expired.")]);
  expect((await post(url, { verdict: "PASS" }))[0]).toBe(410);
  expect((await records(task.id)).map(({ act, code, user }) => [act, code, user])).toEqual([
    ["REFUSE", "LINK_EXPIRED", "vera"],
  ]);
  expect((await open(linkTo(task).replace("/decide/", "/decide/x")))[0]).toBe(404);
  expect(await decisions(task.id)).toEqual([]);
});

test("a link of an earlier attempt, or of somebody who is gone, decides nothing and is recorded", async () => {
  const task = await waitingTask();
  const url = linkTo(task, { attempt: 2 });
  expect((await post(url, { verdict: "PASS", comment: "go" }))[0]).toBe(409);
  await server.accounts.addUser("dora", { grants: [{ role: "viewer", domain: "*", namespace: "*" }] });
  await server.accounts.removeUser("dora");
  expect((await post(linkTo(task, { user: "dora" }), { verdict: "DENY", comment: "no" }))[0]).toBe(403);
  expect(await records(task.id)).toMatchObject([
    {
      ...{ act: "REFUSE", user: "vera", verdict: "PASS", code: "CONTENT_CHANGED", attempt: 2, gate: "AUDIT" },
      rule: "The link is for attempt 2; task `ship` is in attempt 1.",
      ...{ digest: task.audit?.digest, source: { via: "LINK", userAgent: "a browser" } },
    },
    { act: "REFUSE", user: "dora", verdict: "DENY", code: "FORBIDDEN", attempt: 1 },
  ]);
  expect(await decisions(task.id)).toEqual([]);
});

test("a link shows and decides nothing for who may not see the task, or no longer", async () => {
  const task = await waitingTask();
  await server.accounts.addUser("lea", {
    grants: [{ role: "viewer", domain: "default", namespace: "team" }],
  });
  const url = linkTo(task, { user: "lea" });
  const [status, page] = await open(url);
  expect([status, page.includes("lea may not decide here: has no role in default/default.")]).toEqual([
    403,
    true,
  ]);
  expect((await post(url, { verdict: "PASS" }))[0]).toBe(403);
  await server.accounts.removeUser("lea");
  const [gone, later] = await open(url);
  expect(gone).toBe(403);
  for (const hidden of ["ship", task.audit?.digest ?? ""]) expect(page + later).not.toContain(hidden);
  expect(await records(task.id)).toMatchObject([
    { act: "REFUSE", user: "lea", verdict: "PASS", code: "FORBIDDEN", source: { via: "LINK" } },
  ]);
  expect(await decisions(task.id)).toEqual([]);
});

test("the page names those who still can decide", async () => {
  const audit = { auditors: ["ada", "vera", "otto"], required: 2 };
  const { task } = await server.ok<RunJobResponse>("POST", "/job-tasks", { job: "ship", audit });
  expect((await open(linkTo(task, { user: "otto" })))[1]).toContain(">vera, otto<");
  await post(linkTo(task), { verdict: "PASS" });
  const [, page] = await open(linkTo(task, { user: "otto" }));
  expect(page).toContain(">otto<");
});

test("who tries a link again and again gets twenty rows a minute, the first ones; others get theirs", async () => {
  const task = await waitingTask();
  const url = linkTo(task, { attempt: 2, user: undefined });
  const token = server.token("vera");
  for (let index = 0; index < 30; index++) await post(url, { verdict: "PASS", token });
  await post(url, { verdict: "PASS", token: server.token("otto") });
  const users = (await records(task.id)).map(({ user }) => user);
  expect(users).toEqual([...Array(20).fill("vera"), "otto"]);
});

test("a link to other content, or to a gate that is decided, decides nothing", async () => {
  const task = await waitingTask();
  expect((await open(linkTo(task, { digest: "other" })))[0]).toBe(409);
  expect((await post(linkTo(task, { digest: "other" }), { verdict: "PASS" }))[0]).toBe(409);
  const url = linkTo(task, { user: "otto" });
  await post(linkTo(task), { verdict: "DENY", comment: "no" });
  expect(await open(url)).toEqual([409, expect.stringContaining("The audit is DENY.")]);
});

test("the page speaks the reader's language, and shows what it is given as text", async () => {
  const audit = { auditors: ["vera"] };
  const documents = [job("show", { runParams: [{ name: "NOTE" }] }, { publish: true })];
  await server.ok("POST", "/apply", { documents });
  const { task } = await server.ok<RunJobResponse>("POST", "/job-tasks", {
    job: "show",
    audit,
    runParams: { NOTE: "<img src=x>" },
  });
  const [, page] = await open(linkTo(task), "zh-CN,zh;q=0.9");
  expect(page).toContain("是否允许运行 show？");
  expect(page).toContain("NOTE=&lt;img src=x&gt;");
  expect(page).not.toContain("<img");
});

test("another site's form cannot decide", async () => {
  const task = await waitingTask();
  const response = await fetch(linkTo(task), {
    method: "POST",
    body: new URLSearchParams({ verdict: "PASS" }),
    headers: { origin: "https://evil.example.com" },
  });
  expect(response.status).toBe(403);
  expect(await decisions(task.id)).toEqual([]);
});
