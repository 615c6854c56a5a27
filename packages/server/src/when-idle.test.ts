import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type Occupation, whenIdle } from "./when-idle.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

class Work implements Occupation {
  isBusy = false;
  tell = () => {};

  busy(): boolean {
    return this.isBusy;
  }

  watch(watcher: () => void): () => void {
    this.tell = watcher;
    return () => {
      this.tell = () => {};
    };
  }
}

test("a server is idle once nothing was busy for so long", () => {
  const works = [new Work(), new Work()] as const;
  works[1].isBusy = true;
  const ended = vi.fn();
  whenIdle(works, 1000, ended);
  vi.advanceTimersByTime(5000);
  works[1].isBusy = false;
  works[1].tell();
  vi.advanceTimersByTime(500);
  // Something came and went.
  works[0].tell();
  vi.advanceTimersByTime(999);
  expect(ended).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1);
  expect(ended).toHaveBeenCalledOnce();
});

test("a time that is longer than timers go is waited for", () => {
  const ended = vi.fn();
  const days = (count: number) => count * 24 * 3600_000;
  const stop = whenIdle([new Work()], days(60), ended);
  vi.advanceTimersByTime(days(60) - 1);
  expect(ended).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1);
  expect(ended).toHaveBeenCalledOnce();
  stop();
});

test("once it is ended it calls back no more, and leaves no timer", () => {
  const work = new Work();
  const ended = vi.fn();
  whenIdle([work], 1000, ended)();
  work.tell();
  expect(vi.getTimerCount()).toBe(0);
  vi.advanceTimersByTime(5000);
  expect(ended).not.toHaveBeenCalled();
});
