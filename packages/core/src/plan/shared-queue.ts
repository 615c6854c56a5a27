// A queue that shares what it holds with the queues it came from: a decision that is given up leaves no trace.

interface Cell {
  readonly value: string;
  readonly next: Cell | undefined;
}

/** First in, first out. Taking and adding cost the same for any length, on average. */
export class SharedQueue {
  static readonly EMPTY = new SharedQueue(undefined, undefined);
  readonly #front: Cell | undefined;
  /** The last one first. */
  readonly #back: Cell | undefined;

  private constructor(front: Cell | undefined, back: Cell | undefined) {
    this.#front = front;
    this.#back = back;
  }

  get isEmpty(): boolean {
    return this.#front === undefined && this.#back === undefined;
  }

  with(value: string): SharedQueue {
    return new SharedQueue(this.#front, { value, next: this.#back });
  }

  /** The first value and the queue without it; undefined when it is empty. */
  take(): { value: string; rest: SharedQueue } | undefined {
    let front = this.#front;
    let back = this.#back;
    if (!front) {
      for (; back; back = back.next) front = { value: back.value, next: front };
    }
    return front && { value: front.value, rest: new SharedQueue(front.next, back) };
  }
}
