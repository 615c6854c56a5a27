// Keeps the terms and hits that lists are found by, inside the transaction that writes the record. Numbers of terms are
// remembered, which is sound because one process alone writes the file.

import type { Facet, SearchEntry } from "../search-entry.ts";
import type { Connection } from "./connection.ts";

/** Terms whose number is kept in memory; most records share a few. */
const KNOWN_TERMS = 10_000;

export interface SearchIndex {
  add(entry: SearchEntry): void;
  /** What `before` was found by is replaced by what `after` is found by. */
  move(before: SearchEntry, after: SearchEntry): void;
  /** Also removes terms that nothing has any more. */
  remove(entry: SearchEntry): void;
}

export function searchIndex(connection: Connection): SearchIndex {
  const findTerm = connection.prepare(
    `SELECT term FROM search_terms
     WHERE kind = ? AND facet = ? AND key = ? AND value = ? AND domain = ? AND namespace = ?`,
  );
  const addTerm = connection.prepare(
    "INSERT INTO search_terms (kind, facet, key, value, domain, namespace) VALUES (?, ?, ?, ?, ?, ?)",
  );
  const dropTerm = connection.prepare(
    `DELETE FROM search_terms WHERE term = ?1
     AND NOT EXISTS (SELECT 1 FROM search_hits WHERE search_hits.term = ?1)`,
  );
  const addHit = connection.prepare(
    "INSERT OR IGNORE INTO search_hits (term, phase, created, id) VALUES (?, ?, ?, ?)",
  );
  const dropHit = connection.prepare(
    "DELETE FROM search_hits WHERE term = ? AND phase = ? AND created = ? AND id = ?",
  );
  const known = new Map<string, number>();
  connection.onUndo(() => known.clear());

  function termOf(entry: SearchEntry, { facet, key, value }: Facet): number {
    // Lengths, because labels may hold any character and no two terms may meet in one key.
    const cacheKey = `${entry.kind} ${facet} ${entry.domain.length} ${entry.namespace.length} ${key.length} ${entry.domain}${entry.namespace}${key}${value}`;
    const cached = known.get(cacheKey);
    if (cached !== undefined) return cached;
    const values = [entry.kind, facet, key, value, entry.domain, entry.namespace] as const;
    const found = findTerm.get(...values) as { term: number } | undefined;
    const term = found?.term ?? Number(addTerm.run(...values).lastInsertRowid);
    if (known.size >= KNOWN_TERMS) known.clear();
    known.set(cacheKey, term);
    return term;
  }

  function add(entry: SearchEntry): void {
    for (const facet of entry.facets) addHit.run(termOf(entry, facet), entry.phase, entry.created, entry.id);
  }

  function drop(entry: SearchEntry): void {
    for (const facet of entry.facets) dropHit.run(termOf(entry, facet), entry.phase, entry.created, entry.id);
  }

  return {
    add,
    move(before, after) {
      drop(before);
      add(after);
    },
    remove(entry) {
      drop(entry);
      for (const facet of entry.facets) {
        const gone = dropTerm.run(termOf(entry, facet)).changes;
        if (gone) known.clear();
      }
    },
  };
}
