import { expect, test } from "vitest";
import { type Caller, listScope, may, missing } from "./caller.ts";

function caller(...grants: Caller["grants"]): Caller {
  return { name: "nina", local: false, grants };
}

const viewer = (domain: string, namespace: string) => ({ role: "viewer", domain, namespace }) as const;

test("a role reaches as far as its scope, and includes the lower ones", () => {
  const nina = caller({ role: "operator", domain: "shop", namespace: "*" });
  const shop = { domain: "shop", namespace: "team" };
  expect(["viewer", "operator", "admin"].map((role) => may(nina, role as "viewer", shop))).toEqual([
    true,
    true,
    false,
  ]);
  expect(may(nina, "viewer", { domain: "bank", namespace: "team" })).toBe(false);
  expect(may(nina, "viewer", { domain: "*", namespace: "*" })).toBe(false);
});

test("a list is narrowed to what the caller may see", () => {
  const all = { domain: undefined, namespace: undefined };
  expect(listScope(caller(viewer("*", "*")), all)).toEqual(all);
  expect(listScope(caller(viewer("shop", "team")), all)).toEqual({ domain: "shop", namespace: "team" });
  expect(listScope(caller(viewer("shop", "*")), { namespace: "team" })).toEqual({
    domain: "shop",
    namespace: "team",
  });
  expect(listScope(caller(viewer("*", "team"), viewer("shop", "x")), { domain: "bank" })).toEqual({
    domain: "bank",
    namespace: "team",
  });
});

test("a list of what the caller may not see is refused, and one of several scopes has to be chosen", () => {
  const nina = caller(viewer("shop", "team"), viewer("shop", "other"));
  expect(() => listScope(nina, { domain: "bank" })).toThrow(
    expect.objectContaining({
      code: "FORBIDDEN",
      message: "nina needs the role viewer in namespace * of domain bank.",
    }),
  );
  expect(() => listScope(nina, {})).toThrow(
    expect.objectContaining({
      code: "FORBIDDEN",
      message:
        "Say which `domain` and `namespace`: nina may see other.shop, team.shop, and a list is of one of them.",
    }),
  );
  expect(() => listScope(caller(), {})).toThrow(expect.objectContaining({ code: "FORBIDDEN" }));
});

test("who names something else than a run or task is told what names them", () => {
  expect([
    missing("run", "run-01m8qj5v521e1876vgmq3nf2ja"),
    missing("run", "release"),
    missing("task", "run-01m8qj5v521e1876vgmq3nf2ja"),
  ]).toEqual([
    "run `run-01m8qj5v521e1876vgmq3nf2ja`",
    "run `release`; runs and tasks are named by their ids, `run-...` and `task-...` (`mflow get runs`, `mflow get tasks`)",
    "task `run-01m8qj5v521e1876vgmq3nf2ja`: that is the id of a run",
  ]);
});
