import { describe, expect, test } from "vitest";
import { Admission } from "./admission.ts";

describe("the places of a cluster", () => {
  test("are given in the order of coming, and given back", () => {
    const admission = new Admission({ maxTasks: 1, createRate: 100 });
    const entered: string[] = [];
    expect(admission.tryEnter("a")).toBe(true);
    expect(admission.tryEnter("b")).toBe(false);
    for (const key of ["b", "c", "d"]) admission.enterLater(key, () => entered.push(key));
    expect(["b", "c", "d"].map((key) => admission.waitingFor(key))).toEqual([
      "waits for one of 1 places in the cluster; 0 before it in line",
      "waits for one of 1 places in the cluster; 1 before it in line",
      "waits for one of 1 places in the cluster; 2 before it in line",
    ]);
    // Who leaves the line takes nobody's place.
    admission.leave("c");
    admission.leave("a");
    expect([entered, admission.held, admission.waitingFor("b")]).toEqual([["b"], 1, undefined]);
    admission.leave("b");
    expect(entered).toEqual(["b", "d"]);
    admission.close();
  });

  test("are not given to who comes while others wait", () => {
    const admission = new Admission({ maxTasks: 1, createRate: 100 });
    admission.tryEnter("a");
    admission.enterLater("b", () => {});
    admission.limits = { maxTasks: 2, createRate: 100 };
    expect([admission.tryEnter("c"), admission.held]).toEqual([false, 2]);
    admission.close();
  });

  test("are asked for again by who holds one without taking another", () => {
    const admission = new Admission({ maxTasks: 2, createRate: 1 });
    expect([admission.tryEnter("a"), admission.tryEnter("a"), admission.held]).toEqual([true, true, 1]);
    admission.close();
  });

  test("are not filled faster than the rate: one second's worth at once, then one after another", async () => {
    let now = 0;
    const admission = new Admission({ maxTasks: 100, createRate: 2 }, () => now);
    expect([admission.tryEnter("a"), admission.tryEnter("b"), admission.tryEnter("c")]).toEqual([
      true,
      true,
      false,
    ]);
    const { promise, resolve } = Promise.withResolvers<void>();
    admission.enterLater("c", resolve);
    expect(admission.waitingFor("c")).toBe(
      "waits for its turn at 2 Jobs per second in the cluster; 0 before it in line",
    );
    now = 500;
    await promise;
    expect(admission.held).toBe(3);
    admission.close();
  });
});
