// The page that a decision link opens: who decides what, on which content, with a button for each verdict. Plain HTML
// without scripts: it works in every mail program's browser, and a GET of it changes nothing.

import { escapeHtml, proseHtml } from "@mflow/core/escape-html";
import type { Language } from "@mflow/core/schema/listener";
import { htmlPage } from "./html-page.ts";

/** What the page asks. */
export interface DecisionQuestion {
  gate: "audit" | "confirm";
  taskName: string;
  /** Pipeline and stage, or nothing for a task that runs alone. */
  place: string | undefined;
  facts: { name: FactName; value: string }[];
  params: string[];
  /** Who decides; absent when the link does not know: then the page asks for a token. */
  user: string | undefined;
  /** The verdict that the link proposes. */
  proposed: "PASS" | "DENY" | undefined;
  comment: string;
  /** Why the last try was refused. */
  problem: string | undefined;
}

/** What the page tells when there is nothing to ask. */
export interface DecisionAnswer {
  good: boolean;
  kind: "DONE_PASS" | "DONE_DENY" | "FORGED" | "EXPIRED" | "REFUSED";
  /** Of a refusal: its sentence. */
  message: string | undefined;
  taskName: string | undefined;
}

export type FactName = "job" | "startedBy" | "since" | "until" | "people" | "passed" | "result" | "digest";

interface Texts {
  audit(task: string): string;
  confirm(task: string): string;
  facts: Record<FactName, string>;
  params: string;
  youAre(user: string): string;
  token: string;
  tokenHint: string;
  comment: string;
  commentHint: string;
  pass: string;
  deny: string;
  answers: Record<DecisionAnswer["kind"], string>;
}

const TEXTS: Readonly<Record<Language, Texts>> = {
  en: {
    audit: (task) => `May ${task} run?`,
    confirm: (task) => `Is the result of ${task} accepted?`,
    facts: {
      job: "Job",
      startedBy: "Started by",
      since: "Waits since",
      until: "Waits until",
      people: "May decide",
      passed: "Passed",
      result: "Result",
      digest: "Content digest",
    },
    params: "Params",
    youAre: (user) => `You decide as ${user}.`,
    token: "Your mflow token",
    tokenHint:
      "This link was posted to a group, so it does not know who you are. Make a token with `mflow token create`.",
    comment: "Comment",
    commentHint: "Needed to deny.",
    pass: "Pass",
    deny: "Deny",
    answers: {
      DONE_PASS: "Your pass is recorded.",
      DONE_DENY: "Your denial is recorded.",
      FORGED: "This link was not made by this server, or is not whole.",
      EXPIRED: "This link has expired.",
      REFUSED: "This was not decided.",
    },
  },
  zh: {
    audit: (task) => `是否允许运行 ${task}？`,
    confirm: (task) => `是否认可 ${task} 的结果？`,
    facts: {
      job: "作业",
      startedBy: "发起人",
      since: "等待自",
      until: "截止时间",
      people: "可决定的人",
      passed: "已通过",
      result: "结果",
      digest: "内容摘要",
    },
    params: "参数",
    youAre: (user) => `您将以 ${user} 的身份做出决定。`,
    token: "您的 mflow 令牌",
    tokenHint: "此链接发送到了群组，无法识别您的身份。可用 `mflow token create` 创建令牌。",
    comment: "意见",
    commentHint: "拒绝时必填。",
    pass: "通过",
    deny: "拒绝",
    answers: {
      DONE_PASS: "您的通过已记录。",
      DONE_DENY: "您的拒绝已记录。",
      FORGED: "此链接不是本服务器生成的，或者不完整。",
      EXPIRED: "此链接已过期。",
      REFUSED: "未能做出决定。",
    },
  },
};

/** The page that asks. */
export function questionPage(question: DecisionQuestion, language: Language): string {
  const texts = TEXTS[language];
  const { gate, taskName, place, facts, params, user, proposed, comment, problem } = question;
  const rows = facts.map(
    ({ name, value }) => `<tr><th>${texts.facts[name]}</th><td>${escapeHtml(value)}</td></tr>`,
  );
  const who =
    user === undefined
      ? `<label>${texts.token}<input name="token" type="password" autocomplete="off" required></label><p class="hint">${proseHtml(texts.tokenHint)}</p>`
      : `<p><strong>${escapeHtml(texts.youAre(user))}</strong></p>`;
  const button = (verdict: "PASS" | "DENY", text: string) =>
    `<button name="verdict" value="${verdict}" class="${verdict.toLowerCase()}"${verdict === proposed ? " autofocus" : ""}>${text}</button>`;
  return htmlPage(language, texts[gate](taskName), [
    place === undefined ? "" : `<p class="hint">${escapeHtml(place)}</p>`,
    problem === undefined ? "" : `<p class="problem" role="alert">${proseHtml(problem)}</p>`,
    `<table>${rows.join("")}</table>`,
    params.length === 0 ? "" : `<h2>${texts.params}</h2><pre>${escapeHtml(params.join("\n"))}</pre>`,
    '<form method="post">',
    who,
    `<label>${texts.comment}<textarea name="comment" rows="3" maxlength="4096">${escapeHtml(comment)}</textarea></label>`,
    `<p class="hint">${texts.commentHint}</p>`,
    `<p class="buttons">${button("PASS", texts.pass)}${button("DENY", texts.deny)}</p>`,
    "</form>",
  ]);
}

/** The page that tells how it went. */
export function answerPage({ good, kind, message, taskName }: DecisionAnswer, language: Language): string {
  return htmlPage(language, TEXTS[language].answers[kind], [
    taskName === undefined ? "" : `<p class="hint">${escapeHtml(taskName)}</p>`,
    message === undefined ? "" : `<p${good ? "" : ' class="problem" role="alert"'}>${proseHtml(message)}</p>`,
  ]);
}
