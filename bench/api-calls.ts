// Counts what this process sends to the API server of a cluster, as the HTTP client tells it of each request that it
// makes: also of those that are made again.

import { subscribe, unsubscribe } from "node:diagnostics_channel";

export interface ApiCalls {
  /** Verb and resource as RBAC names them, e.g. `create jobs`, and how many calls there were. */
  calls: ReadonlyMap<string, number>;
  /** Connections that were opened. */
  connections(): number;
  stop(): void;
}

/** Counts the calls to the server of that URL from now on. */
export function countApiCalls(server: string): ApiCalls {
  const { origin } = new URL(server);
  const calls = new Map<string, number>();
  let connections = 0;
  const requested = (message: unknown) => {
    const { request } = message as { request: { origin: string | URL; method: string; path: string } };
    if (new URL(request.origin).origin !== origin) return;
    const call = callOf(request.method, new URL(request.path, origin));
    calls.set(call, (calls.get(call) ?? 0) + 1);
  };
  const connected = (message: unknown) => {
    const { connectParams } = message as { connectParams: { host: string } };
    if (connectParams.host === new URL(origin).host) connections++;
  };
  subscribe("undici:request:create", requested);
  subscribe("undici:client:connected", connected);
  return {
    calls,
    connections: () => connections,
    stop() {
      unsubscribe("undici:request:create", requested);
      unsubscribe("undici:client:connected", connected);
    },
  };
}

/** e.g. `create jobs`, `watch pods`, `get pods/log`. */
function callOf(method: string, { pathname, searchParams }: URL): string {
  const place = /\/namespaces\/[^/]+\/([^/]+)(?:\/([^/]+))?(?:\/(.+))?$/.exec(pathname);
  const [, resource = pathname, name, sub] = place ?? [];
  const read = searchParams.get("watch") === "true" ? "watch" : name === undefined ? "list" : "get";
  const verbs: Record<string, string> = { GET: read, POST: "create", PATCH: "patch", DELETE: "delete" };
  return `${verbs[method] ?? method} ${resource}${sub === undefined ? "" : `/${sub}`}`;
}
