// A record's body: its whole JSON, in the column of that name.

/** What a statement that selects `body` answers. */
export type Body = { body: string } | undefined;

export function parseBody<T>(row: Body): T | undefined {
  return row && (JSON.parse(row.body) as T);
}
