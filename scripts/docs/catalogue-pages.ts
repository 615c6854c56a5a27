// The pages about catalogues: errors, reasons, transitions and events.

import { CATALOGUE } from "@mflow/core/errors";
import { REASONS } from "@mflow/core/reasons";
import { EVENT_MEANINGS, EVENT_TYPES, HistoryEvent } from "@mflow/core/schema/event";
import { transitionsMarkdown } from "@mflow/core/transitions-table";
import { code, page, table } from "./markdown.ts";
import { EVENTS_PAGE, schemaSection } from "./schema-pages.ts";
import { type KnownSchemas, type Schema, SchemaText } from "./schema-text.ts";

function errorsPage(): string {
  const rows = Object.entries(CATALOGUE)
    .sort(([, a], [, b]) => a.status - b.status)
    .map(([name, { status, meaning, remedy }]) => [code(name), String(status), meaning, remedy]);
  return page(
    "Errors",
    `Everything that mflow refuses is one of these. The API answers
\`{code, message, remedy, details, requestId}\` with the status; programs decide by \`code\`. The CLI prints message,
details and remedy, and ends with an [exit code](cli.md#exit-codes). How to read one:
[use the HTTP API](../how-to/use-the-api.md#errors).`,
    [table(["Code", "Status", "Meaning", "What to do"], rows)],
  );
}

function transitionsPage(): string {
  const reasons = Object.entries(REASONS).map(([name, meaning]) => [code(name), meaning]);
  return page(
    "Stages of a task",
    `The one table that decides what may follow what. A stage that does not list a cause refuses it with
[\`ILLEGAL_TRANSITION\`](errors.md). What the stages mean, and a picture of them: [concepts](../concepts.md).`,
    [
      transitionsMarkdown(),
      "## Reasons",
      "The codes in `status.reason` say why a task or a run is in its stage. A FAKE job gives those of its spec.",
      table(["Reason", "Meaning"], reasons),
    ],
  );
}

function eventsPage(known: KnownSchemas): string {
  const types = EVENT_TYPES.map((type) => [code(type), EVENT_MEANINGS[type]]);
  const text = new SchemaText(known, EVENTS_PAGE);
  return page(
    "Events",
    `Everything that changes is recorded in the same transaction as the change itself, in one stream.
\`mflow events\` and [\`GET /api/v1/events\`](http.md#followevents) show it; how to follow it without gaps:
[use the HTTP API](../how-to/use-the-api.md#follow-events).`,
    [
      "## Types",
      table(["Type", "Meaning"], types),
      schemaSection("HistoryEvent", HistoryEvent as Schema, text),
    ],
  );
}

/** The pages by file name. */
export function cataloguePages(known: KnownSchemas): Map<string, string> {
  return new Map([
    ["errors.md", errorsPage()],
    ["transitions.md", transitionsPage()],
    [EVENTS_PAGE, eventsPage(known)],
  ]);
}
