// Limits: how many tasks of a scope or a type of runner may be under way at once.

import type { ApiPage } from "@mflow/core/schema/api";
import type { Limit, LimitSpec } from "@mflow/core/schema/limit";
import { type IfRevision, ifMatch } from "./catalog.ts";
import { path, type Transport } from "./transport.ts";

export function limitCalls(transport: Transport) {
  return {
    list: () => transport.json<ApiPage<Limit>>({ path: "/limits" }),
    /** `name`: `scope/DOMAIN`, `scope/DOMAIN/NAMESPACE` or `runner/TYPE`. */
    put: (name: string, spec: LimitSpec, condition?: IfRevision) =>
      transport.json<Limit>({
        method: "PUT",
        path: path`/limits/${name}`,
        body: { spec },
        headers: ifMatch(condition),
      }),
    remove: (name: string) => transport.json<void>({ method: "DELETE", path: path`/limits/${name}` }),
  };
}
