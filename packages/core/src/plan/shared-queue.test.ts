import fc from "fast-check";
import { expect, test } from "vitest";
import { SharedQueue } from "./shared-queue.ts";

test("a queue gives what was added first, and those it was made from stay as they were", () => {
  const two = SharedQueue.EMPTY.with("a").with("b");
  const taken = two.take();
  expect([
    taken?.value,
    taken?.rest.with("c").take()?.value,
    two.take()?.value,
    SharedQueue.EMPTY.take(),
  ]).toEqual([...["a", "b", "a"], undefined]);
});

test("a queue does what a list does", () => {
  fc.assert(
    fc.property(fc.array(fc.option(fc.string())), (moves) => {
      let queue = SharedQueue.EMPTY;
      const list: string[] = [];
      for (const value of moves) {
        if (value !== null) {
          queue = queue.with(value);
          list.push(value);
        } else {
          const taken = queue.take();
          expect(taken?.value).toBe(list.shift());
          queue = taken?.rest ?? queue;
        }
        expect(queue.isEmpty).toBe(list.length === 0);
      }
    }),
  );
});
