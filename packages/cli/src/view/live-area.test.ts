import { expect, test } from "vitest";
import { LiveArea, rowsTaken } from "./live-area.ts";

function screen(columns = 20, rows = 10) {
  const written: string[] = [];
  return { columns, rows, written, write: (text: string) => written.push(text) };
}

const FRAME = ["\u001b[?2026h", "\u001b[?2026l"] as const;

test("lines replace those before them, in one write", () => {
  const terminal = screen();
  const area = new LiveArea(terminal);
  area.draw(["one", "two"]);
  area.draw(["three"]);
  area.close();
  expect(terminal.written).toEqual([
    `${FRAME[0]}\u001b[?25lone\ntwo\n${FRAME[1]}`,
    `${FRAME[0]}\u001b[2A\r\u001b[Jthree\n${FRAME[1]}`,
    "\u001b[?25h",
  ]);
});

test("the same lines again write nothing", () => {
  const terminal = screen();
  const area = new LiveArea(terminal);
  area.draw(["one"]);
  area.draw(["one"]);
  expect(terminal.written).toHaveLength(1);
});

test("a terminal that became narrower and wrapped the lines is cleared whole", () => {
  const terminal = screen();
  const area = new LiveArea(terminal);
  area.draw(["a".repeat(20), "b"]);
  terminal.columns = 8;
  area.draw(["c"]);
  expect(terminal.written[1]).toBe(`${FRAME[0]}\u001b[4A\r\u001b[Jc\n${FRAME[1]}`);
});

test("what was cleared for a question is drawn anew", () => {
  const terminal = screen();
  const area = new LiveArea(terminal);
  area.draw(["one"]);
  area.clear();
  area.draw(["one"]);
  expect(terminal.written.slice(1)).toEqual([
    "\u001b[1A\r\u001b[J\u001b[?25h",
    `${FRAME[0]}\u001b[?25lone\n${FRAME[1]}`,
  ]);
});

test("a line takes the rows that it wraps to, an empty one takes one", () => {
  expect(rowsTaken(["", "abcd", "abcde", "构建发"], 4)).toBe(1 + 1 + 2 + 2);
});
