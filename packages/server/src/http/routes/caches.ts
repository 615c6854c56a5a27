// Caches: listed and deleted by people, used and saved by tasks that are somewhere else.

import { MflowError } from "@mflow/core/errors";
import { ScopeQuery } from "@mflow/core/schema/api";
import {
  CacheList,
  CacheSaved,
  CacheSaveQuery,
  CachesRemoved,
  CacheUseQuery,
} from "@mflow/core/schema/cache";
import { demand, listScope } from "../caller.ts";
import { downloadAnswer } from "../download.ts";
import { requestScope } from "../list-query.ts";
import { type Route, route } from "../route.ts";
import type { Services } from "../services.ts";
import { demandAtWork, taskOfCaller } from "../task-files.ts";

const tag = "Caches";

/** Of tasks that say nothing of what is in it. */
const ANY_PATHS = "default";

export function cacheRoutes(services: Services): Route[] {
  const { caches } = services.files;

  function save(method: "PUT" | "POST", id: string, summary: string): Route {
    return route({
      method,
      path: "/job-tasks/:id/caches/:key",
      id,
      tag,
      summary,
      description:
        "The body is an archive of tar, which may be compressed with gzip. While the task runs: for the task itself, with " +
        "its update token as bearer, and for operators.",
      access: "task",
      query: CacheSaveQuery,
      streamBody: true,
      successes: { 200: { description: "Whether it was saved.", schema: CacheSaved } },
      errors: ["NOT_FOUND", "TASK_ENDED", "CONFLICT", "ARTIFACT_TOO_LARGE", "ARTIFACT_REFUSED", "STORE_FULL"],
      async handle({ params: { id: taskId = "", key = "" }, query, body }, caller, bearer) {
        const task = await taskOfCaller(services, taskId, "operator", caller, bearer);
        demandAtWork(task);
        const { domain, namespace } = task;
        const place = { scope: { domain, namespace }, key: checkedKey(key), paths: query.paths ?? ANY_PATHS };
        const archive = body as unknown as AsyncIterable<Uint8Array>;
        return { body: { saved: await caches.save(place, query.replace ?? false, archive) } };
      },
    });
  }

  return [
    route({
      method: "GET",
      path: "/caches",
      id: "listCaches",
      tag,
      summary: "List caches, the last used ones first",
      description: "At most 500.",
      access: "caller",
      query: ScopeQuery,
      successes: { 200: { description: "The caches.", schema: CacheList } },
      errors: [],
      async handle({ query }, caller) {
        return { body: { items: await caches.list(listScope(caller, query)) } };
      },
    }),
    route({
      method: "DELETE",
      path: "/caches",
      id: "deleteCaches",
      tag,
      summary: "Delete all caches of a namespace",
      description: "Needs operator.",
      access: "caller",
      query: ScopeQuery,
      successes: { 200: { description: "How many there were.", schema: CachesRemoved } },
      errors: ["UNAVAILABLE"],
      async handle({ query }, caller) {
        const scope = requestScope(query);
        demand(caller, "operator", scope);
        return { body: { removed: await caches.remove(scope) } };
      },
    }),
    route({
      method: "DELETE",
      path: "/caches/:key",
      id: "deleteCache",
      tag,
      summary: "Delete a cache by its key",
      description: "Needs operator.",
      access: "caller",
      query: ScopeQuery,
      successes: { 200: { description: "How many there were, of different paths.", schema: CachesRemoved } },
      errors: ["NOT_FOUND", "UNAVAILABLE"],
      async handle({ params: { key = "" }, query }, caller) {
        const scope = requestScope(query);
        demand(caller, "operator", scope);
        return { body: { removed: await caches.remove(scope, key) } };
      },
    }),
    route({
      method: "GET",
      path: "/job-tasks/:id/caches/:key",
      id: "useCache",
      tag,
      summary: "Get a cache",
      description:
        "The one of the key, or else the newest whose key begins with `prefix`; `Mflow-Cache-Key` says which. For the task " +
        "itself, with its update token as bearer.",
      access: "task",
      headers: ["Range", "If-None-Match"],
      query: CacheUseQuery,
      successes: {
        200: {
          description: "An archive of tar, as a rule compressed with gzip.",
          contentType: "application/x-tar",
        },
        206: { description: "A part of it.", contentType: "application/x-tar" },
        304: { description: "It is that of `If-None-Match`." },
      },
      errors: ["NOT_FOUND", "UNAVAILABLE"],
      async handle({ params: { id = "", key = "" }, query, request }, caller, bearer) {
        const { domain, namespace } = await taskOfCaller(services, id, "viewer", caller, bearer);
        const { prefix, paths = ANY_PATHS } = query;
        const asked = { scope: { domain, namespace }, key: checkedKey(key), paths };
        const row = await caches.use({ ...asked, ...(prefix !== undefined && { prefix }) });
        if (!row) throw new MflowError("NOT_FOUND", `There is no cache \`${key}\`.`);
        return downloadAnswer(request, {
          fileName: `${row.key}.tar.gz`,
          contentType: "application/x-tar",
          size: row.size,
          sha256: row.sha256,
          headers: { "Mflow-Cache-Key": row.key },
          open: (range) => caches.open(row, range),
        });
      },
    }),
    save("PUT", "putCache", "Save a cache, when there is none of the key"),
    save("POST", "postCache", "The same, for clients that cannot PUT"),
  ];
}

function checkedKey(key: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,255}$/.test(key)) return key;
  const wanted = "letters, digits, `.`, `_` and `-`, at most 256, the first a letter or digit";
  throw new MflowError("BAD_REQUEST", `\`${key}\` is no key of a cache: ${wanted}.`);
}
