import { expect, test } from "vitest";
import { aTask } from "../store/testing/records.ts";
import { Slots } from "./slots.ts";

test("places follow the line as tasks come, get a slot and end", () => {
  const slots = new Slots(1);
  const [first, second, third] = [1, 2, 3].map((n) => aTask(n, { stage: "SCHEDULING" }));
  if (!first || !second || !third) throw new Error("three tasks are made");
  const places = () => [first, second, third].map((task) => slots.placeOf(task.id));
  for (const task of [first, second]) slots.note(task.id, task);
  expect(places()).toEqual([0, 1, undefined]);
  slots.note(third.id, third);
  expect(places()).toEqual([0, 1, 2]);
  slots.note(first.id, { ...first, status: { stage: "CREATING" } });
  expect(places()).toEqual([undefined, 0, 1]);
  slots.note(second.id, { ...second, status: { stage: "CANCELED" } });
  expect(places()).toEqual([undefined, undefined, 0]);
});
