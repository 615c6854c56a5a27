import { expect, test, vi } from "vitest";
import { idleMasker } from "./idle-masker.ts";

test("secrets are opened with the first text, and not again for the next one", () => {
  const secrets = vi.fn(() => ["hunter2"]);
  const mask = idleMasker(secrets);
  expect(secrets).not.toHaveBeenCalled();
  expect(mask("pass hunter2 on")).toBe("pass *** on");
  expect(mask("hunter2")).toBe("***");
  expect(secrets).toHaveBeenCalledTimes(1);
});
