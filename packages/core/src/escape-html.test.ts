import { expect, test } from "vitest";
import { escapeHtml, proseHtml } from "./escape-html.ts";

test("no character of a text becomes markup, in an element or in an attribute", () => {
  expect(escapeHtml(`<a href="x">&amp;</a>`)).toBe("&lt;a href=&quot;x&quot;&gt;&amp;amp;&lt;/a&gt;");
});

test("code in a sentence is set as such, and still holds no markup", () => {
  expect(proseHtml("say why in `<comment>`")).toBe("say why in <code>&lt;comment&gt;</code>");
});
