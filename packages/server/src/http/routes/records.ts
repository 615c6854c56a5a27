// The decision record: its rows, the proof that none was changed, and the release report of a run.

import { MflowError } from "@mflow/core/errors";
import { releaseMarkdown } from "@mflow/core/release-markdown";
import { releaseReport } from "@mflow/core/release-report";
import { DEFAULT_PAGE_SIZE } from "@mflow/core/schema/api";
import type { DecisionRecord } from "@mflow/core/schema/decision-record";
import {
  ChainVerdict,
  DecisionRecordPage,
  RecordListQuery,
  ReleaseReport,
  ReportQuery,
  VerifyQuery,
} from "@mflow/core/schema/release-report";
import { demandRun, listScope, missing } from "../caller.ts";
import { ChainWalks } from "../chain-walk.ts";
import { type Answer, type Route, route } from "../route.ts";
import type { Services } from "../services.ts";

const tag = "Decision record";
const PAGE = 500;
const MARKDOWN = "text/markdown; charset=utf-8";

export function recordRoutes({ store, catalog }: Services): Route[] {
  const walks = new ChainWalks(store.records);

  async function rowsOfRun(pipelineTaskId: string): Promise<DecisionRecord[]> {
    const rows: DecisionRecord[] = [];
    for (;;) {
      const page = await store.records.list({ after: rows.at(-1)?.seq ?? 0, limit: PAGE, pipelineTaskId });
      rows.push(...page);
      if (page.length < PAGE) return rows;
    }
  }

  /** The part of the chain from the first to the last of the rows. */
  async function proofOf(rows: readonly DecisionRecord[]): Promise<ReleaseReport["proof"]> {
    const [first] = rows;
    const last = rows.at(-1);
    if (!first || !last) return undefined;
    const before = { seq: first.seq - 1, hash: first.previous };
    const { ok, bad } = await walks.verify({ before, until: last.seq });
    return {
      firstSeq: first.seq,
      previous: first.previous,
      lastSeq: last.seq,
      hash: last.hash,
      ok,
      ...(bad && { reason: bad.reason }),
    };
  }

  return [
    route({
      method: "GET",
      path: "/records",
      id: "listRecords",
      tag,
      summary: "List rows of the decision record, oldest first",
      description:
        "Every gate that opened, every decision, withdrawal, escalation and expiry, and every attempt that was refused. " +
        "Rows of runs that were deleted stay.",
      access: "caller",
      query: RecordListQuery,
      successes: { 200: { description: "A page of rows.", schema: DecisionRecordPage } },
      errors: [],
      async handle({ query }, caller) {
        const { domain, namespace, pipelineTaskId, taskId, after = 0, limit = DEFAULT_PAGE_SIZE } = query;
        const scope = listScope(caller, { domain, namespace });
        const items = await store.records.list({ after, limit, scope, pipelineTaskId, taskId });
        const last = items.at(-1);
        return { body: items.length === limit && last ? { items, nextAfter: last.seq } : { items } };
      },
    }),
    route({
      method: "GET",
      path: "/records/verify",
      id: "verifyRecords",
      tag,
      summary: "Prove that the decision record is whole",
      description:
        "Checks of every row that it carries the hash of the one before it, and has the hash of what it says. Who noted " +
        "the place and hash of a row before gives both: then rows up to it cannot have been written anew. Whoever has a " +
        "token may ask, for the answer tells nothing of what rows say.",
      access: "caller",
      query: VerifyQuery,
      successes: {
        200: { description: "Whether it is whole, or the first row that is wrong.", schema: ChainVerdict },
      },
      errors: [],
      async handle({ query: { seq, hash } }) {
        if ((seq === undefined) !== (hash === undefined)) {
          throw new MflowError("BAD_REQUEST", "`seq` and `hash` are of one row; give both, or none.");
        }
        const expected = seq === undefined || hash === undefined ? undefined : { seq, hash };
        return { body: await walks.verify({}, expected) };
      },
    }),
    route({
      method: "GET",
      path: "/pipeline-tasks/:id/record",
      id: "getReleaseReport",
      tag,
      summary: "Get the release report of a run",
      description:
        "Who released what: the run with its tasks, every decision on their gates with what was refused, and the proof of " +
        "its rows in the decision record. Markdown with `format=md` or `Accept: text/markdown`.",
      access: "caller",
      query: ReportQuery,
      successes: { 200: { description: "The report.", schema: ReleaseReport } },
      errors: ["NOT_FOUND"],
      async handle({ params, query, request }, caller): Promise<Answer> {
        const found = await store.runs.run(params.id ?? "");
        const run = demandRun(caller, "viewer", found, params.id);
        const definition = await store.runs.definition(run.id);
        if (!definition) throw new MflowError("NOT_FOUND", `There is no ${missing("run", run.id)}.`);
        const records = await rowsOfRun(run.id);
        const proof = await proofOf(records);
        const report = releaseReport({
          run,
          definition,
          tasks: await store.runs.tasksOfRun(run.id),
          records,
          ...(proof && { proof }),
          madeAt: catalog.now(),
          isSealed: (text) => catalog.vault.isSealed(text),
        });
        const accepts = request.headers.accept ?? "";
        const format = query.format ?? (/\btext\/markdown\b/.test(accepts) ? "md" : "json");
        if (format === "json") return { body: report };
        return { body: releaseMarkdown(report), headers: { "Content-Type": MARKDOWN } };
      },
    }),
  ];
}
