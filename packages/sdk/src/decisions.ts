// What waits for a person, and the record of what people decided.

import type { InboxPage, InboxQuery } from "@mflow/core/schema/inbox";
import type {
  ChainVerdict,
  DecisionRecordPage,
  RecordListQuery,
  ReleaseReport,
  VerifyQuery,
} from "@mflow/core/schema/release-report";
import { path, type Transport } from "./transport.ts";

/** The gates that wait for a person, oldest first. */
export function inboxCalls(transport: Transport) {
  return {
    list: (query: InboxQuery = {}) => transport.json<InboxPage>({ path: "/inbox", query }),
  };
}

/** The decision record. */
export function recordCalls(transport: Transport) {
  return {
    /** Oldest first. */
    list: (query: RecordListQuery = {}) => transport.json<DecisionRecordPage>({ path: "/records", query }),
    /** Whether no row was changed, removed or added since. */
    verify: (query: VerifyQuery = {}) => transport.json<ChainVerdict>({ path: "/records/verify", query }),
    /** The release report of a run. */
    report: (runId: string) => transport.json<ReleaseReport>({ path: path`/pipeline-tasks/${runId}/record` }),
    /** The same as markdown. */
    reportText: (runId: string) =>
      transport.text({
        path: path`/pipeline-tasks/${runId}/record`,
        query: { format: "md" },
        headers: { accept: "text/markdown" },
      }),
  };
}
