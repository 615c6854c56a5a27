// The two bodies of a mail, text and HTML, from what a message says. Everything that comes from people or work is text
// here: nothing of it becomes markup.

import { escapeHtml } from "@mflow/core/escape-html";
import type { Content } from "./content.ts";
import { plainMarkdown } from "./plain-markdown.ts";

const COLORS: Readonly<Record<Content["tone"], string>> = {
  GOOD: "#2f7d32",
  BAD: "#b3261e",
  WAITING: "#9a6700",
  NEUTRAL: "#44546a",
};

/** Said below the buttons of a mail. */
const ONCE: Readonly<Record<Content["language"], string>> = {
  en: "These links are yours alone and serve once. They open a page that asks you again; do not forward this mail.",
  zh: "以上链接仅供您本人使用，且只能使用一次。打开后页面会再次请您确认；请勿转发此邮件。",
};

/** The mail as plain text. */
export function textOf(content: Content): string {
  const blocks = [content.title];
  if (content.facts.length > 0)
    blocks.push(content.facts.map(({ label, value }) => `${label}: ${value}`).join("\n"));
  if (content.text) blocks.push(plainMarkdown(content.text));
  for (const list of [content.params, content.log]) {
    if (list) blocks.push(`${list.label}:\n${list.lines.map((line) => `  ${line}`).join("\n")}`);
  }
  if (content.buttons)
    blocks.push(
      [...content.buttons.map(({ label, url }) => `${label}: ${url}`), ONCE[content.language]].join("\n"),
    );
  if (content.links.length > 0)
    blocks.push(content.links.map(({ label, url }) => `${label}: ${url}`).join("\n"));
  return `${blocks.join("\n\n")}\n`;
}

/** The mail as HTML that the usual mail programs show: tables and inline styles. */
export function htmlOf(content: Content): string {
  const lang = content.language === "zh" ? "zh-CN" : "en";
  const parts = [
    `<h1 style="font-size:18px;margin:0 0 16px;padding-left:10px;border-left:4px solid ${COLORS[content.tone]}">${escapeHtml(content.title)}</h1>`,
    factsOf(content),
    content.text ? `<p style="white-space:pre-wrap">${escapeHtml(plainMarkdown(content.text))}</p>` : "",
    ...[content.params, content.log].map((list) => (list ? listOf(list) : "")),
    buttonsOf(content),
    content.links
      .map(
        ({ label, url }) => `<a href="${escapeHtml(url)}" style="margin-right:16px">${escapeHtml(label)}</a>`,
      )
      .join(""),
  ];
  return [
    "<!doctype html>",
    `<html lang="${lang}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"></head>`,
    '<body style="font-family:system-ui,-apple-system,sans-serif;font-size:14px;line-height:1.5;color:#1f2328;max-width:640px;margin:0 auto;padding:16px">',
    ...parts.filter((part) => part !== ""),
    "</body></html>\n",
  ].join("\n");
}

function factsOf({ facts }: Content): string {
  if (facts.length === 0) return "";
  const rows = facts.map(
    ({ label, value }) =>
      `<tr><td style="color:#59636e;padding:2px 16px 2px 0;vertical-align:top">${escapeHtml(label)}</td>` +
      `<td style="white-space:pre-wrap;overflow-wrap:anywhere">${escapeHtml(value)}</td></tr>`,
  );
  return `<table style="border-collapse:collapse;margin-bottom:16px">${rows.join("")}</table>`;
}

function listOf({ label, lines }: { label: string; lines: string[] }): string {
  const text = lines.map(escapeHtml).join("\n");
  return (
    `<div style="color:#59636e">${escapeHtml(label)}</div>` +
    `<pre style="background:#f6f8fa;padding:8px;white-space:pre-wrap;overflow-wrap:anywhere">${text}</pre>`
  );
}

function buttonsOf({ buttons, language }: Content): string {
  if (!buttons) return "";
  const links = buttons.map(({ verdict, label, url }) => {
    const color = verdict === "PASS" ? COLORS.GOOD : COLORS.BAD;
    return `<a href="${escapeHtml(url)}" style="display:inline-block;background:${color};color:#fff;text-decoration:none;padding:8px 20px;border-radius:6px;margin-right:12px">${escapeHtml(label)}</a>`;
  });
  return `<p>${links.join("")}</p><p style="color:#59636e;font-size:12px">${ONCE[language]}</p>`;
}
