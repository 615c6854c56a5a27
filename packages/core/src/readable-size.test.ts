import { expect, test } from "vitest";
import { readableSize } from "./readable-size.ts";

test.each([
  [0, "0 bytes"],
  [1023, "1023 bytes"],
  [1024, "1 KiB"],
  [1536, "1.5 KiB"],
  [10 * 1024 + 600, "11 KiB"],
  [2 ** 30, "1 GiB"],
  [5000 * 2 ** 40, "5000 TiB"],
])("%d is %s", (bytes, text) => {
  expect(readableSize(bytes)).toBe(text);
});
