import { expect, test } from "vitest";
import { mustNameCluster } from "./default-cluster.ts";

test.each([[[]], [["a"]], [["a", "a"]], [["a", "default"]]])(
  "of the clusters %j tasks need not name one",
  (names) => {
    expect(mustNameCluster(names)).toBeUndefined();
  },
);

test("of several clusters without a default one tasks must name theirs", () => {
  expect(mustNameCluster(["a", "b"])).toBe(
    "there are 2 clusters now, and none is called `default`: tasks that name no cluster are refused; call one `default`, or name it in `_kube_config`",
  );
});
