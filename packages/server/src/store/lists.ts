// The pages of all lists, for every database. A filter is looked up as terms, and a term's hits are in the order of
// the list already: so a page reads about as many rows as it shows, however many records there are. With several
// filters the one with the fewest hits leads, and the others are probed for each of its hits.

import { MflowError } from "@mflow/core/errors";
import { type Expression, type Kysely, type SqlBool, sql, type Transaction } from "kysely";
import { decodeCursor, encodeCursor, type Position } from "./cursor.ts";
import { deliveryOf } from "./delivery-row.ts";
import { type Facet, OPEN, phaseOf, phasesOf, type RecordKind } from "./search-entry.ts";
import type { PageQuery } from "./store.ts";
import type { Tables } from "./tables.ts";

/** The union of what the lists of all kinds can be asked. */
export interface ListQuery extends PageQuery {
  name?: string | undefined;
  job?: string | undefined;
  /** Of deliveries: their states. */
  stages?: string[] | undefined;
  target?: string | undefined;
  /** Of runs: the run that they were made of. */
  of?: string | undefined;
  pipelineTaskId?: string | undefined;
  /** Of deliveries. */
  taskId?: string | undefined;
}

/** Bodies of records, to be parsed by who asked. */
export interface BodyPage {
  bodies: string[];
  nextCursor?: string;
}

interface Term {
  term: number;
  domain: string;
  namespace: string;
}

/** The terms that fulfil a filter: at most one in each scope, except of `text`. */
type Filter = Term[];

/** One range of hits: those of a term in a phase. */
interface Stream {
  term: number;
  phase: string;
  /** For each of the other filters, terms of which a hit must have one. */
  probes: number[][];
}

/** What each record must fulfil beyond the terms. */
interface Bounds {
  limit: number;
  stages: string[] | undefined;
  /** The next record comes after it. */
  after: Position | undefined;
  from: number | undefined;
  to: number | undefined;
  /** Text in the name that is not among the filters, because too many names have it. */
  text: string | undefined;
}

const MAX_LIMIT = 500;
/** Beyond so many names that contain a text, records are tested one by one. */
const MAX_TEXT_TERMS = 40;
/** Enough hits to say that a filter is not the one to lead. */
const COUNT_UP_TO = 1000;
/** Ranges that one statement merges; databases limit the parts of a union. */
const MAX_STREAMS = 200;

const TABLES = {
  run: "runs",
  task: "tasks",
  job: "jobs",
  pipeline: "pipelines",
  schedule: "schedules",
  delivery: "deliveries",
} as const;

/**
 * One page, newest first.
 * @throws MflowError BAD_REQUEST for a bad limit, cursor or time
 */
export function listRecords(db: Kysely<Tables>, kind: RecordKind, query: ListQuery): Promise<BodyPage> {
  const bounds = boundsOf(query);
  return db.transaction().execute(async (tx) => {
    const found = await findPage(tx, kind, query, bounds);
    const page = found.slice(0, bounds.limit);
    const bodies = await bodiesOf(tx, kind, page);
    const last = page.at(-1);
    return found.length > page.length && last ? { bodies, nextCursor: encodeCursor(last) } : { bodies };
  });
}

function boundsOf(query: ListQuery): Bounds {
  const { limit, cursor, stages, createdFrom, createdTo } = query;
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_LIMIT)
    throw new MflowError("BAD_REQUEST", `\`limit\` is ${limit}; it must be 1 to ${MAX_LIMIT}`);
  return {
    limit,
    stages,
    after: cursor === undefined ? undefined : decodeCursor(cursor),
    from: time("createdFrom", createdFrom),
    to: time("createdTo", createdTo),
    text: undefined,
  };
}

function time(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const at = Date.parse(text);
  if (Number.isNaN(at)) throw new MflowError("BAD_REQUEST", `\`${name}\` is not a time: ${text}`);
  return at;
}

/** Positions of the page's records, and of one more when there is one. */
async function findPage(
  tx: Transaction<Tables>,
  kind: RecordKind,
  query: ListQuery,
  bounds: Bounds,
): Promise<Position[]> {
  const filters = await Promise.all(facetsOf(query).map((facet) => termsOf(tx, kind, query, facet)));
  const text = query.text?.toLowerCase() || undefined;
  const named = text === undefined ? undefined : await termsWithText(tx, kind, query, text);
  if ([...filters, ...(named ? [named] : [])].some((filter) => filter.length === 0)) return [];
  if (query.pipelineTaskId !== undefined || query.taskId !== undefined)
    return readMembers(tx, kind, query, filters, { ...bounds, text });
  const leadsByText = named && named.length <= MAX_TEXT_TERMS;
  const streams = await streamsOf(tx, kind, leadsByText ? [named, ...filters] : filters, bounds.stages);
  return readStreams(tx, kind, streams, { ...bounds, text: leadsByText ? undefined : text });
}

function facetsOf({ name, job, target, of, labels }: ListQuery): Facet[] {
  const facets: Facet[] = [];
  if (name !== undefined) facets.push({ facet: "NAME", key: "", value: name });
  if (job !== undefined) facets.push({ facet: "JOB", key: "", value: job });
  if (target !== undefined) facets.push({ facet: "TARGET", key: "", value: target });
  if (of !== undefined) facets.push({ facet: "OF", key: "", value: of });
  for (const [key, value] of Object.entries(labels ?? {})) facets.push({ facet: "LABEL", key, value });
  return facets.length > 0 ? facets : [{ facet: "ALL", key: "", value: "" }];
}

function scopedTerms(tx: Transaction<Tables>, kind: RecordKind, { scope }: ListQuery) {
  let terms = tx.selectFrom("search_terms").select(["term", "domain", "namespace"]).where("kind", "=", kind);
  if (scope?.domain !== undefined) terms = terms.where("domain", "=", scope.domain);
  if (scope?.namespace !== undefined) terms = terms.where("namespace", "=", scope.namespace);
  return terms;
}

function termsOf(tx: Transaction<Tables>, kind: RecordKind, query: ListQuery, facet: Facet): Promise<Filter> {
  return scopedTerms(tx, kind, query)
    .where("facet", "=", facet.facet)
    .where("key", "=", facet.key)
    .where("value", "=", facet.value)
    .execute();
}

function termsWithText(
  tx: Transaction<Tables>,
  kind: RecordKind,
  query: ListQuery,
  text: string,
): Promise<Filter> {
  return scopedTerms(tx, kind, query)
    .where("facet", "=", "NAME")
    .where("key", "=", "")
    .where(hasText(sql.ref("value"), text))
    .limit(MAX_TEXT_TERMS + 1)
    .execute();
}

/** `text` in lower case. */
function hasText(name: Expression<unknown>, text: string): Expression<SqlBool> {
  const pattern = `%${text.replace(/[\\%_]/g, "\\$&")}%`;
  return sql<SqlBool>`lower(${name}) like ${pattern} escape '\\'`;
}

async function streamsOf(
  tx: Transaction<Tables>,
  kind: RecordKind,
  filters: Filter[],
  stages: string[] | undefined,
): Promise<Stream[]> {
  const phases = stages ? [...new Set(stages.map((stage) => phaseOf(kind, stage)))] : phasesOf(kind);
  if (phases.length === 0) return [];
  const leader = await rarest(tx, filters, phases);
  const others = filters.filter((filter) => filter !== leader);
  const streams: Stream[] = [];
  for (const { term, domain, namespace } of leader) {
    const probes = others.map((filter) =>
      filter
        .filter((each) => each.domain === domain && each.namespace === namespace)
        .map((each) => each.term),
    );
    if (probes.some((terms) => terms.length === 0)) continue;
    for (const phase of phases) streams.push({ term, phase, probes });
  }
  return streams;
}

async function rarest(tx: Transaction<Tables>, filters: Filter[], phases: string[]): Promise<Filter> {
  let leader = filters[0] ?? [];
  if (filters.length === 1) return leader;
  let fewest = Number.POSITIVE_INFINITY;
  for (const filter of filters) {
    const hits = tx
      .selectFrom("search_hits")
      .select("id")
      .where(
        "term",
        "in",
        filter.map(({ term }) => term),
      )
      .where("phase", "in", phases)
      .limit(COUNT_UP_TO);
    const counted = await tx
      .selectFrom(hits.as("h"))
      .select(({ fn }) => fn.countAll<number | string>().as("n"))
      .executeTakeFirstOrThrow();
    if (Number(counted.n) >= fewest) continue;
    fewest = Number(counted.n);
    leader = filter;
  }
  return leader;
}

async function readStreams(
  tx: Transaction<Tables>,
  kind: RecordKind,
  streams: Stream[],
  bounds: Bounds,
): Promise<Position[]> {
  const found: Position[] = [];
  for (let start = 0; start < streams.length; start += MAX_STREAMS) {
    const ranges = streams.slice(start, start + MAX_STREAMS).map(({ term, phase, probes }) => {
      const partly = phase === OPEN ? bounds.stages : undefined;
      return sql`select * from (
        select h.created, h.id from search_hits as h
        where h.term = ${term} and h.phase = ${phase} and ${conditions(kind, { ...bounds, stages: partly }, probes)}
        order by h.created desc, h.id desc limit ${bounds.limit + 1}
      ) as s`;
    });
    const merged = sql<Position>`select * from (${sql.join(ranges, sql` union all `)}) as m
      order by created desc, id desc limit ${bounds.limit + 1}`;
    found.push(...(await merged.execute(tx)).rows);
  }
  return found.sort(newestFirst).slice(0, bounds.limit + 1);
}

/** The tasks or deliveries of one run or task: they lead, every filter is probed. */
async function readMembers(
  tx: Transaction<Tables>,
  kind: RecordKind,
  query: ListQuery,
  filters: Filter[],
  bounds: Bounds,
): Promise<Position[]> {
  const probes = filters.map((filter) => filter.map(({ term }) => term));
  const page = sql<Position>`select h.created, h.id from ${membersOf(kind, query)} as h
    where ${conditions(kind, bounds, probes)}
    order by h.created desc, h.id desc limit ${bounds.limit + 1}`;
  return (await page.execute(tx)).rows;
}

/** Rows with `id`, `phase` and `created`. */
function membersOf(kind: RecordKind, { pipelineTaskId, taskId }: ListQuery): Expression<unknown> {
  if (kind === "task") return sql`(select * from tasks where run_id = ${pipelineTaskId})`;
  const owner: Expression<SqlBool>[] = [];
  if (taskId !== undefined) owner.push(sql<SqlBool>`m.task_id = ${taskId}`);
  if (pipelineTaskId !== undefined) owner.push(sql<SqlBool>`m.aggregate_id = ${pipelineTaskId}`);
  return sql`(select d.id, d.state as phase, d.created from messages as m join deliveries as d
    on d.message = m.n where ${sql.join(owner, sql` and `)})`;
}

/** What a row `h` with `phase`, `created` and `id` must fulfil. */
function conditions(kind: RecordKind, bounds: Bounds, probes: number[][]): Expression<SqlBool> {
  const { after, from, to, stages, text } = bounds;
  const parts = probes.map(
    (terms) => sql<SqlBool>`exists (select 1 from search_hits as p where p.term in (${sql.join(terms)})
      and p.phase = h.phase and p.created = h.created and p.id = h.id)`,
  );
  // One upper end only: a database uses one of two for its range, and not always the lower.
  if (after) parts.push(sql<SqlBool>`(h.created, h.id) < (${after.created}, ${after.id})`);
  if (to !== undefined && !(after && after.created < to)) parts.push(sql<SqlBool>`h.created < ${to}`);
  if (from !== undefined) parts.push(sql<SqlBool>`h.created >= ${from}`);
  const row: Expression<SqlBool>[] = [];
  if (stages) row.push(sql<SqlBool>`${stageOf(kind)} in (${sql.join(stages)})`);
  if (text !== undefined) row.push(hasText(sql.ref("r.name"), text));
  if (row.length > 0)
    parts.push(
      sql<SqlBool>`exists (select 1 from ${sql.table(TABLES[kind])} as r
        where r.id = h.id and ${sql.join(row, sql` and `)})`,
    );
  return parts.length > 0 ? sql<SqlBool>`${sql.join(parts, sql` and `)}` : sql<SqlBool>`1 = 1`;
}

function stageOf(kind: RecordKind): Expression<unknown> {
  return kind === "delivery" ? sql.ref("r.state") : sql.ref("r.stage");
}

async function bodiesOf(tx: Transaction<Tables>, kind: RecordKind, page: Position[]): Promise<string[]> {
  if (page.length === 0) return [];
  const ids = page.map(({ id }) => id);
  const rows = kind === "delivery" ? await deliveryBodies(tx, ids) : await storedBodies(tx, kind, ids);
  const bodies = new Map(rows.map(({ id, body }) => [id, body]));
  return ids.map((id) => bodies.get(id)).filter((body) => body !== undefined);
}

interface StoredBody {
  id: string;
  body: string;
}

function storedBodies(
  tx: Transaction<Tables>,
  kind: Exclude<RecordKind, "delivery">,
  ids: string[],
): Promise<StoredBody[]> {
  return tx.selectFrom(TABLES[kind]).select(["id", "body"]).where("id", "in", ids).execute();
}

async function deliveryBodies(tx: Transaction<Tables>, ids: string[]): Promise<StoredBody[]> {
  const rows = await tx
    .selectFrom("deliveries as d")
    .innerJoin("messages as m", "m.n", "d.message")
    .select(["d.id", "m.id as message_id", "m.event", "d.action", "m.domain", "m.namespace"])
    .select(["m.aggregate_id", "m.task_id", "d.kind", "d.target", "d.listener", "d.user"])
    .select(["d.state", "d.tries", "d.created", "d.due_at", "d.ended", "d.error"])
    .where("d.id", "in", ids)
    .execute();
  return rows.map((row) => ({ id: row.id, body: JSON.stringify(deliveryOf(row)) }));
}

function newestFirst(a: Position, b: Position): number {
  if (a.created !== b.created) return b.created - a.created;
  return a.id < b.id ? 1 : -1;
}
