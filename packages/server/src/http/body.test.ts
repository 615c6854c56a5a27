import { expect, test } from "vitest";
import { jsonDepth, parseJsonBody } from "./body.ts";

test("depth counts arrays and objects, not what is in strings", () => {
  expect(jsonDepth("1", 64)).toBe(0);
  expect(jsonDepth('{"a": [1, {"b": []}], "c": {}}', 64)).toBe(4);
  expect(jsonDepth('["[[[[", "\\"[[[", "\\\\"]', 64)).toBe(1);
  expect(jsonDepth("[".repeat(1000), 64)).toBe(65);
});

test("an empty body is none, and a byte order mark is not part of it", () => {
  expect(parseJsonBody(Buffer.from(" \n"))).toBeUndefined();
  expect(parseJsonBody(Buffer.from('\ufeff{"a": "ü"}'))).toEqual({ a: "ü" });
});
