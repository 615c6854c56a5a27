// From the query of a list to what the store is asked.

import { MflowError } from "@mflow/core/errors";
import { DEFAULT_PAGE_SIZE } from "@mflow/core/schema/api";
import { DEFAULT_DOMAIN, DEFAULT_NAMESPACE, type Scope } from "@mflow/core/schema/scalars";
import type { PageQuery } from "../store/store.ts";
import { type Caller, listScope } from "./caller.ts";

interface ListQuery {
  domain?: string;
  namespace?: string;
  limit?: number;
  cursor?: string;
  label?: string[];
  text?: string;
  createdFrom?: string;
  createdTo?: string;
}

/** The scope that a request is for when its body names none. */
export function requestScope(query: { domain?: string; namespace?: string }): Scope {
  return { domain: query.domain ?? DEFAULT_DOMAIN, namespace: query.namespace ?? DEFAULT_NAMESPACE };
}

/** A time of a query, as the store compares it. Throws BAD_REQUEST. */
function readTime(name: string, text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const time = /^\d{4}-\d{2}-\d{2}([T ]|$)/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(time)) {
    throw new MflowError("BAD_REQUEST", `\`${name}\` is no RFC 3339 time such as 2026-01-31T12:00:00Z.`);
  }
  return new Date(time).toISOString();
}

function readLabels(labels: readonly string[] | undefined): Record<string, string> | undefined {
  if (!labels) return undefined;
  return Object.fromEntries(
    labels.map((label) => {
      const equals = label.indexOf("=");
      return [label.slice(0, equals), label.slice(equals + 1)];
    }),
  );
}

/** What all lists have in common, within what the caller may see. */
export function pageQuery(caller: Caller, query: ListQuery): PageQuery {
  const { domain, namespace, limit, cursor, text } = query;
  return {
    scope: listScope(caller, { domain, namespace }),
    limit: limit ?? DEFAULT_PAGE_SIZE,
    cursor,
    labels: readLabels(query.label),
    text,
    createdFrom: readTime("createdFrom", query.createdFrom),
    createdTo: readTime("createdTo", query.createdTo),
  };
}
