import { expect, test } from "vitest";
import { serialise } from "./serialise.ts";

test("values of sensitive params are masked wherever they stand, others stay", () => {
  const value = {
    params: [
      { name: "A", value: "secret", sensitive: true },
      { name: "B", value: "plain", sensitive: false },
      { name: "C", sensitive: true },
      { name: "D", value: "", sensitive: true },
    ],
  };
  expect(JSON.parse(serialise(value))).toEqual({
    params: [
      { name: "A", value: "***", sensitive: true },
      { name: "B", value: "plain", sensitive: false },
      { name: "C", sensitive: true },
      { name: "D", value: "", sensitive: true },
    ],
  });
});

test("sealed texts are masked also inside others, in maps and lists", () => {
  const sealed = "sealed:v1:0123abcd:AbC-_9";
  const value = { with: { A: sealed }, list: [sealed], message: `it is ${sealed}, see` };
  expect(JSON.parse(serialise(value))).toEqual({
    with: { A: "***" },
    list: ["***"],
    message: "it is ***, see",
  });
});

test("what holds no secret is JSON as ever", () => {
  const value = { a: [1, null, "x"], b: undefined, at: new Date(0) };
  expect(serialise(value)).toBe(JSON.stringify(value));
});
