// The page behind the links in mails and robots' messages: GET asks, POST decides. The link names gate, content and
// person; every rule of the gate holds here as everywhere (link-decider.ts).

import { MflowError } from "@mflow/core/errors";
import type { Language } from "@mflow/core/schema/listener";
import { closed } from "@mflow/core/schema/scalars";
import { Type } from "@mflow/core/schema/type";
import type { Static } from "typebox";
import { LINK_USED_MESSAGE } from "../../engine/refusals.ts";
import { refusalSentence } from "../../listeners/callbacks/words.ts";
import { DECISION_PAGE, type DecisionLink } from "../../listeners/decision-links.ts";
import { answerPage, type DecisionAnswer, questionPage } from "../decision-page.ts";
import { decisionQuestion } from "../decision-question.ts";
import { PAGE_HEADERS, pageLanguage } from "../html-page.ts";
import { linkDecider, obstacleOf } from "../link-decider.ts";
import { RefusedLinks } from "../refused-links.ts";
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

export function decideRoutes(services: Services): Route[] {
  const { store, links, language, accounts } = services;
  const refusals = new RefusedLinks(store);
  const decideBy = linkDecider(services, refusals);

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

  /** Lets `handle` answer for a link that is ours and has not expired; any other has a page of its own. */
  async function withLink(
    call: Call<unknown, unknown>,
    handle: (link: DecisionLink, wanted: Language) => Promise<Answer>,
  ): Promise<Answer> {
    const wanted = pageLanguage(call.request.headers["accept-language"], language);
    const opened = links.open(call.params.token ?? "", Date.now());
    if (!("refused" in opened)) return handle(opened.link, wanted);
    if (opened.link) await refusals.noteExpired(opened.link, call.request);
    return said({ kind: opened.refused }, wanted, opened.refused === "EXPIRED" ? 410 : 404);
  }

  async function ask(
    link: DecisionLink,
    wanted: Language,
    given: { proposed?: string; comment?: string; problem?: MflowError },
  ): Promise<Answer> {
    const task = await store.runs.task(link.taskId);
    if (!task) return refusedFor(new MflowError("NOT_FOUND", "The task was deleted."), wanted);
    // Who may not see the task learns nothing of it, not even its name.
    const obstacle = link.user === undefined ? undefined : obstacleOf(link.user, task, accounts);
    if (obstacle) return refusedFor(obstacle, wanted);
    const gate = task[link.gate];
    const isOpen = gate?.stage === "WAITING" && gate.digest === link.digest && task.attempt === link.attempt;
    if (!gate || !isOpen) {
      const state = `The ${link.gate} is ${gate?.stage ?? "gone"}.`;
      return refusedFor(given.problem ?? new MflowError("GATE_NOT_OPEN", state), wanted, task.name);
    }
    // Of a group's link only a token tells who uses it.
    if (link.user !== undefined && (await store.records.isLinkUsed(link.deliveryId)))
      return refusedFor(new MflowError("LINK_USED", LINK_USED_MESSAGE), wanted, task.name);
    const run = task.pipelineTaskId === undefined ? undefined : await store.runs.run(task.pipelineTaskId);
    const question = decisionQuestion(link, task, gate, run, accounts);
    const body = questionPage(
      {
        ...question,
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
      const task = await decideBy(link, { ...call.body, verdict }, call.request);
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
