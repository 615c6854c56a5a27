// A run whose listeners make no sense is refused before it starts: nobody would be told, and nobody would notice. Who
// and what the server knows, and templates, are checked where requests come in.

import type { Context } from "../change.ts";
import {
  broughtSecretRules,
  broughtSecretRulesOf,
  errorsAmong,
  loneListenerRules,
  requestListenerRules,
} from "../lint/listeners.ts";
import { refuseProblems } from "../refuse-problems.ts";
import type { Listeners } from "../schema/listener.ts";
import type { PipelineSpec } from "../schema/pipeline.ts";

type Sealing = Pick<Context, "isSealed">;

/** INVALID_DOCUMENT with all that is wrong with the listeners that a run request adds to a pipeline. */
export function refuseRunListeners(request: Listeners, spec: PipelineSpec, context: Sealing): void {
  refuseProblems([
    ...errorsAmong(requestListenerRules(request, "", {}, spec)),
    ...errorsAmong(broughtSecretRules(request, "", context.isSealed)),
    ...errorsAmong(broughtSecretRulesOf(spec, "/spec")),
  ]);
}

/** The same for the listeners of a lone task. */
export function refuseLoneListeners(request: Listeners, context: Sealing): void {
  refuseProblems([
    ...errorsAmong(loneListenerRules(request, "", {})),
    ...errorsAmong(broughtSecretRules(request, "", context.isSealed)),
  ]);
}
