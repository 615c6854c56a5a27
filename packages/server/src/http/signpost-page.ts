// The pages that links in messages lead to. They show nothing of a run, for whoever follows a link has not said who they
// are, but the commands that do.

import { escapeHtml } from "@mflow/core/escape-html";
import type { Language } from "@mflow/core/schema/listener";
import { htmlPage } from "./html-page.ts";

/** What a link is about: a run or a task by its id, or the server itself. */
export type SignpostTo = { kind: "run" | "task"; id: string } | { kind: "server" };

const TEXTS: Readonly<
  Record<Language, { run: string; task: string; on: string; from: string; api: string }>
> = {
  en: {
    run: "Run",
    task: "Task",
    on: "The command line shows it:",
    from: "From another machine first:",
    api: "Reference of the API",
  },
  zh: { run: "运行", task: "任务", on: "可用命令行查看：", from: "在其他机器上请先设置：", api: "API 参考" },
};

/** `url`: of the server, as people reach it. */
export function signpostPage(to: SignpostTo, url: string | undefined, language: Language): string {
  const texts = TEXTS[language];
  const title = to.kind === "server" ? "mflow" : `${texts[to.kind]} ${to.id}`;
  const block = (lines: string[]) => `<pre>${escapeHtml(lines.join("\n"))}</pre>`;
  return htmlPage(language, title, [
    `<p>${texts.on}</p>`,
    block(commandsFor(to)),
    ...(url === undefined
      ? []
      : [`<p>${texts.from}</p>`, block([`export MFLOW_URL=${url} MFLOW_TOKEN=mft_...`])]),
    to.kind === "server" ? `<p><a href="/api/docs">${texts.api}</a></p>` : "",
  ]);
}

function commandsFor(to: SignpostTo): string[] {
  if (to.kind === "server") return ["mflow get runs", "mflow inbox"];
  if (to.kind === "run") return [`mflow describe run ${to.id}`, `mflow watch ${to.id}`];
  return [`mflow describe task ${to.id}`, `mflow logs ${to.id}`, `mflow evidence ${to.id}`];
}
