// What lists of the store are asked for, and what they answer.

import type { Scope } from "@mflow/core/schema/scalars";

/**
 * Filters of every list: what fulfils all of them, newest first, and by id from the last of those of the same time.
 * Paging skips and repeats nothing while records are added. A bad limit, cursor or time is a BAD_REQUEST.
 */
export interface PageQuery {
  scope?: Partial<Scope>;
  /** 1 to 500. */
  limit: number;
  cursor?: string;
  /** All of them. */
  labels?: Record<string, string>;
  /** Text in the name, case ignored. */
  text?: string;
  /** RFC 3339, inclusive. */
  createdFrom?: string;
  /** RFC 3339, exclusive. */
  createdTo?: string;
}

export interface Page<T> {
  items: T[];
  /** Opaque; absent on the last page. */
  nextCursor?: string;
}
