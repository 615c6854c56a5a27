// Reads a list to its end, as a client does.

import { expect } from "vitest";
import type { Page } from "../store.ts";

/** All pages together; checks that no page is larger than asked for, and only the last may be smaller. */
export async function allPages<T>(limit: number, list: (cursor?: string) => Promise<Page<T>>): Promise<T[]> {
  const items: T[] = [];
  for (let cursor: string | undefined, more = true; more; ) {
    const page = await list(cursor);
    items.push(...page.items);
    more = page.nextCursor !== undefined;
    cursor = page.nextCursor;
    if (more) expect(page.items).toHaveLength(limit);
    else expect(page.items.length).toBeLessThanOrEqual(limit);
  }
  return items;
}
