// What all pages for people have in common: plain HTML without scripts, in the language that the browser wants.

import { escapeHtml } from "@mflow/core/escape-html";
import type { Language } from "@mflow/core/schema/listener";

/** No script, nothing from elsewhere; forms go here. Links must not leak to where a page leads. */
export const PAGE_HEADERS = {
  "Content-Type": "text/html; charset=utf-8",
  "Content-Security-Policy":
    "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  "Referrer-Policy": "same-origin",
};

/** The page's language, as an Accept-Language header wants it. */
export function pageLanguage(header: string | undefined, otherwise: Language): Language {
  for (const part of (header ?? "").split(",")) {
    const tag = part.trim().toLowerCase();
    if (tag.startsWith("zh")) return "zh";
    if (tag.startsWith("en")) return "en";
  }
  return otherwise;
}

const STYLE = `
body{font-family:system-ui,-apple-system,sans-serif;line-height:1.5;max-width:40rem;margin:2rem auto;padding:0 1rem;color:#1f2328;background:#fff}
h1{font-size:1.4rem;overflow-wrap:anywhere}h2{font-size:1rem}
table{border-collapse:collapse}th{text-align:left;font-weight:normal;color:#59636e;padding:.15rem 1rem .15rem 0;vertical-align:top;white-space:nowrap}td{overflow-wrap:anywhere}
pre{background:#f6f8fa;padding:.5rem;white-space:pre-wrap;overflow-wrap:anywhere}
label{display:block;margin-top:1rem}input,textarea{display:block;width:100%;box-sizing:border-box;font:inherit;padding:.4rem;margin-top:.25rem}
.hint{color:#59636e;font-size:.875rem;margin:.25rem 0}.problem{border-left:4px solid #b3261e;padding:.25rem .75rem;background:#fdf0ef}
.buttons{display:flex;gap:1rem}button{font:inherit;border:0;border-radius:6px;color:#fff;padding:.5rem 1.5rem;cursor:pointer}.pass{background:#2f7d32}.deny{background:#b3261e}
@media(prefers-color-scheme:dark){body{background:#0d1117;color:#e6edf3}pre{background:#161b22}.problem{background:#2d1210}th,.hint{color:#9198a1}input,textarea{background:#161b22;color:inherit;border:1px solid #3d444d}}`;

/** A whole page: a heading and what follows it, as HTML. Empty parts are left out. */
export function htmlPage(language: Language, title: string, parts: string[]): string {
  return [
    "<!doctype html>",
    `<html lang="${language === "zh" ? "zh-CN" : "en"}"><head><meta charset="utf-8">`,
    '<meta name="viewport" content="width=device-width"><meta name="robots" content="noindex">',
    `<title>${escapeHtml(title)} · mflow</title><style>${STYLE}</style></head><body>`,
    `<h1>${escapeHtml(title)}</h1>`,
    ...parts.filter((part) => part !== ""),
    "</body></html>\n",
  ].join("\n");
}
