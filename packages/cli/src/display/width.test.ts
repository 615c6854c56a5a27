import { expect, test } from "vitest";
import { cut, displayWidth, fill, plainLine, wrap } from "./width.ts";

test.each([
  ["release", 7],
  ["构建", 4],
  ["ビルド", 6],
  ["한국어", 6],
  ["é", 1],
  ["e\u0301", 1],
  ["🚀", 2],
  ["👩‍👩‍👧", 2],
  ["❤️", 2],
  ["🇨🇳", 2],
  ["✔ ok", 4],
  ["\u001b[31mred\u001b[39m", 3],
  ["a\u200bb", 2],
  ["", 0],
])("the width of %j is %i columns", (text, width) => {
  expect(displayWidth(text)).toBe(width);
});

test.each([
  ["deploy", 6, "deploy"],
  ["deploy", 5, "depl…"],
  ["构建发布", 8, "构建发布"],
  ["构建发布", 7, "构建发…"],
  ["构建发布", 6, "构建…"],
  ["deploy", 1, "…"],
  ["deploy", 0, ""],
])("%j cut to %i columns is %j", (text, columns, shown) => {
  expect(cut(text, columns)).toBe(shown);
});

test("filling counts columns, not characters", () => {
  expect([fill("构建", 6), fill("build", 6), fill("too long", 3)]).toEqual(["构建  ", "build ", "too long"]);
});

test("a stranger's text cannot move the cursor, set the title or turn the direction of writing", () => {
  expect(plainLine("a\u001b[2Jb\u001b]0;title\u0007c\td\r\ne\u0008f\u202eg")).toBe("abc d efg");
});

test("lines break between words, and inside a word that is too long", () => {
  expect(wrap("one two three", 7)).toEqual(["one two", "three"]);
  expect(wrap("a 构建发布流程 b", 6)).toEqual(["a", "构建发", "布流程", "b"]);
  expect(wrap("", 7)).toEqual([""]);
  expect(wrap("see (https://example.com/a) now", 7)).toEqual(["see", "(https://example.com/a)", "now"]);
});
