// A binary heap whose items can be found again: the first is known at once, and anyone comes and goes in O(log n).

export class OrderedHeap<T> {
  readonly #items: T[] = [];
  readonly #indexes = new Map<T, number>();
  readonly #isBefore: (a: T, b: T) => boolean;

  constructor(isBefore: (a: T, b: T) => boolean) {
    this.#isBefore = isBefore;
  }

  get size(): number {
    return this.#items.length;
  }

  /** The first of all; undefined when there is none. */
  get first(): T | undefined {
    return this.#items[0];
  }

  has(item: T): boolean {
    return this.#indexes.has(item);
  }

  /** In no order. */
  [Symbol.iterator](): Iterator<T> {
    return this.#items[Symbol.iterator]();
  }

  add(item: T): void {
    if (this.#indexes.has(item)) return;
    this.#items.push(item);
    this.#indexes.set(item, this.#items.length - 1);
    this.#up(this.#items.length - 1);
  }

  /** Whether it was there. The order of an item must not change while it is in the heap: take it out before. */
  delete(item: T): boolean {
    const index = this.#indexes.get(item);
    if (index === undefined) return false;
    this.#indexes.delete(item);
    const last = this.#items.pop() as T;
    if (last === item) return true;
    this.#put(last, index);
    this.#up(index);
    this.#down(this.#indexes.get(last) as number);
    return true;
  }

  #put(item: T, index: number): void {
    this.#items[index] = item;
    this.#indexes.set(item, index);
  }

  #up(from: number): void {
    const item = this.#items[from] as T;
    let index = from;
    while (index > 0) {
      const above = (index - 1) >> 1;
      const parent = this.#items[above] as T;
      if (!this.#isBefore(item, parent)) break;
      this.#put(parent, index);
      index = above;
    }
    this.#put(item, index);
  }

  #down(from: number): void {
    const item = this.#items[from] as T;
    let index = from;
    for (;;) {
      let below = 2 * index + 1;
      if (below >= this.#items.length) break;
      const right = below + 1;
      if (right < this.#items.length && this.#isBefore(this.#items[right] as T, this.#items[below] as T)) {
        below = right;
      }
      const child = this.#items[below] as T;
      if (!this.#isBefore(child, item)) break;
      this.#put(child, index);
      index = below;
    }
    this.#put(item, index);
  }
}
