// The page behind the links in mails and robots' messages: GET asks, POST decides. The link names gate, content and
// person; every rule of the gate holds here as everywhere.

import { MflowError } from "@mflow/core/errors";
import type { NewDecisionRecord } from "@mflow/core/schema/decision-record";
import type { JobTask } from "@mflow/core/schema/job-task";
import type { Language } from "@mflow/core/schema/listener";
import { closed } from "@mflow/core/schema/scalars";
import { Type } from "@mflow/core/schema/type";
import type { Static } from "typebox";
import type { Actor } from "../../engine/submit.ts";
import { refusalSentence } from "../../listeners/callbacks/words.ts";
import { DECISION_PAGE, type DecisionLink } from "../../listeners/decision-links.ts";
import { actorIn, demandRecord } from "../caller.ts";
import { answerPage, type DecisionAnswer, type FactName, questionPage } from "../decision-page.ts";
import { PAGE_HEADERS, pageLanguage } from "../html-page.ts";
import { type Answer, type Call, type Route, route } from "../route.ts";
import type { Services } from "../services.ts";

const tag = "Decisions by link";

const Verdict = Type.Optional(
  Type.String({ maxLength: 16, description: "`PASS` or `DENY`: what the link proposes." }),
);

const Fields = closed({
  verdict: Type.String({ maxLength: 16, description: "`PASS` or `DENY`." }),
  comment: Type.Optional(Type.String({ maxLength: 4096, description: "Why; a DENY needs it." })),
  token: Type.Optional(
    Type.String({ maxLength: 1024, description: "Of who decides, where the link does not name them." }),
  ),
});

/** So many expired links are remembered, so that each joins the decision record once. */
const REMEMBERED = 1000;

export function decideRoutes({ store, engine, links, accounts, auth, language }: Services): Route[] {
  const noted = new Set<string>();

  function html(body: string, status = 200): Answer {
    return { status, body, headers: PAGE_HEADERS };
  }

  function said(
    answer: Partial<DecisionAnswer> & Pick<DecisionAnswer, "kind">,
    wanted: Language,
    status: number,
  ) {
    return html(
      answerPage({ good: status === 200, message: undefined, taskName: undefined, ...answer }, wanted),
      status,
    );
  }

  function refusedFor(problem: MflowError, wanted: Language, taskName?: string): Answer {
    const message = refusalSentence(problem, wanted);
    return said({ kind: "REFUSED", message, taskName }, wanted, problem.status);
  }

  /** A link that has expired is refused, and its use is recorded. */
  async function noteExpired(link: DecisionLink, call: Call<unknown, unknown>): Promise<void> {
    if (noted.has(link.deliveryId)) return;
    noted.add(link.deliveryId);
    for (const oldest of noted) {
      if (noted.size <= REMEMBERED) break;
      noted.delete(oldest);
    }
    const task = await store.runs.task(link.taskId);
    if (!task) return;
    await store.records.append([
      {
        at: new Date().toISOString(),
        domain: task.domain,
        namespace: task.namespace,
        ...(task.pipelineTaskId !== undefined && { pipelineTaskId: task.pipelineTaskId }),
        taskId: task.id,
        taskName: task.name,
        attempt: link.attempt,
        gate: link.gate === "audit" ? "AUDIT" : "CONFIRM",
        act: "REFUSE",
        ...(link.user !== undefined && { user: link.user }),
        rule: `the link expired at ${new Date(link.expiresAt).toISOString()}`,
        code: "LINK_EXPIRED",
        digest: link.digest,
        source: sourceOf(call, link),
      } satisfies NewDecisionRecord,
    ]);
  }

  function sourceOf(call: Call<unknown, unknown>, link: DecisionLink): NonNullable<Actor["source"]> {
    const agent = call.request.headers["user-agent"]?.slice(0, 512);
    return {
      via: "LINK",
      address: call.request.ip,
      ...(agent !== undefined && { userAgent: agent }),
      link: link.deliveryId,
    };
  }

  /** Lets `handle` answer for a link that is ours and has not expired; any other has a page of its own. */
  async function withLink(
    call: Call<unknown, unknown>,
    handle: (link: DecisionLink, wanted: Language) => Promise<Answer>,
  ): Promise<Answer> {
    const wanted = pageLanguage(call.request.headers["accept-language"], language);
    const opened = links.open(call.params.token ?? "", Date.now());
    if (!("refused" in opened)) return handle(opened.link, wanted);
    if (opened.link) await noteExpired(opened.link, call);
    return said({ kind: opened.refused }, wanted, opened.refused === "EXPIRED" ? 410 : 404);
  }

  /** Who decides: the person whom the link was written to, or the owner of the token that was given. */
  async function actorOf(
    call: Call<unknown, { token?: string }>,
    link: DecisionLink,
    task: JobTask,
  ): Promise<Actor> {
    const source = sourceOf(call, link);
    if (link.user !== undefined) {
      const isThere = accounts.isLocal
        ? link.user === accounts.localUser
        : !accounts.user(link.user).user.disabled;
      if (!isThere) throw new MflowError("FORBIDDEN", `${link.user} is disabled and decides nothing.`);
      return { name: link.user, operator: false, source };
    }
    const token = call.body.token?.trim() ?? "";
    const caller = token === "" ? undefined : await auth.authenticate(token, call.request.ip);
    if (!caller) throw new MflowError("UNAUTHORIZED", "The token is not valid.");
    demandRecord(caller, "viewer", task, "such task");
    // In a group the link serves everybody once: a gate may need several of them.
    return { ...actorIn(caller, task), source: { ...source, link: `${link.deliveryId}/${caller.name}` } };
  }

  async function ask(
    link: DecisionLink,
    wanted: Language,
    given: { proposed?: string; comment?: string; problem?: MflowError },
  ): Promise<Answer> {
    const task = await store.runs.task(link.taskId);
    if (!task) return refusedFor(new MflowError("NOT_FOUND", "The task was deleted."), wanted);
    const gate = task[link.gate];
    const isOpen = gate?.stage === "WAITING" && gate.digest === link.digest && task.attempt === link.attempt;
    if (!gate || !isOpen) {
      const state = `The ${link.gate} is ${gate?.stage ?? "gone"}.`;
      return refusedFor(given.problem ?? new MflowError("GATE_NOT_OPEN", state), wanted, task.name);
    }
    const run = task.pipelineTaskId === undefined ? undefined : await store.runs.run(task.pipelineTaskId);
    const passes = gate.decisions.filter((each) => each.verdict === "PASS" && !each.withdrawnAt).length;
    const { reported } = task.status;
    const facts: [FactName, string | undefined][] = [
      ["job", `${task.job.name}:${task.job.version}`],
      ["startedBy", task.startedBy],
      ["result", reported && [reported.stage, reported.message].filter(Boolean).join(": ")],
      ["people", gate.people.join(", ")],
      ["passed", `${passes} / ${gate.required}`],
      ["since", gate.openedAt],
      ["until", gate.expiresAt],
      ["digest", gate.digest],
    ];
    const shown = (task.params ?? []).filter((param) => param.usageType !== "SYSTEM");
    const body = questionPage(
      {
        gate: link.gate,
        taskName: task.name,
        place: run && [run.name, task.stageName, run.id].filter(Boolean).join(" / "),
        facts: facts.flatMap(([name, value]) => (value === undefined ? [] : { name, value })),
        params: shown.map(({ name, value, sensitive }) => `${name}=${sensitive ? "***" : value}`),
        user: link.user,
        proposed: given.proposed === "PASS" || given.proposed === "DENY" ? given.proposed : undefined,
        comment: given.comment ?? "",
        problem: given.problem && refusalSentence(given.problem, wanted),
      },
      wanted,
    );
    return html(body, given.problem?.status ?? 200);
  }

  /** Decides, or asks again with what was wrong. */
  async function decide(
    call: Call<unknown, Static<typeof Fields>>,
    link: DecisionLink,
    wanted: Language,
  ): Promise<Answer> {
    const { verdict, comment } = call.body;
    try {
      if (verdict !== "PASS" && verdict !== "DENY")
        throw new MflowError("BAD_REQUEST", "The verdict is PASS or DENY.");
      const task = await store.runs.task(link.taskId);
      if (!task) throw new MflowError("NOT_FOUND", "The task was deleted.");
      if (task.attempt !== link.attempt) {
        const message = `The link is for attempt ${link.attempt}; task \`${task.name}\` is in attempt ${task.attempt}.`;
        throw new MflowError("CONTENT_CHANGED", message);
      }
      const actor = await actorOf(call, link, task);
      const request = { verdict, digest: link.digest, ...(comment?.trim() && { comment }) } as const;
      await engine[link.gate](task.id, request, actor);
      return said({ kind: `DONE_${verdict}`, taskName: task.name }, wanted, 200);
    } catch (error) {
      if (!(error instanceof MflowError)) throw error;
      return ask(link, wanted, {
        proposed: verdict,
        ...(comment !== undefined && { comment }),
        problem: error,
      });
    }
  }

  return [
    route({
      method: "GET",
      path: `${DECISION_PAGE}:token`,
      atRoot: true,
      id: "getDecisionPage",
      tag,
      summary: "The page of a decision link",
      description: "It asks once more; a GET decides nothing. The link comes in a mail or a robot's message.",
      access: "public",
      query: closed({ verdict: Verdict }),
      successes: { 200: { description: "The page.", contentType: "text/html" } },
      errors: [],
      async handle(call) {
        const proposed = call.query.verdict;
        return withLink(call, (link, wanted) =>
          ask(link, wanted, proposed === undefined ? {} : { proposed }),
        );
      },
    }),
    route({
      method: "POST",
      path: `${DECISION_PAGE}:token`,
      atRoot: true,
      form: true,
      id: "decideByLink",
      tag,
      summary: "Decide a gate by a link",
      description: "What the page's form sends. The link serves once.",
      access: "public",
      query: closed({ verdict: Verdict }),
      body: Fields,
      successes: { 200: { description: "A page that says how it went.", contentType: "text/html" } },
      errors: [],
      async handle(call) {
        return withLink(call, (link, wanted) => decide(call, link, wanted));
      },
    }),
  ];
}
