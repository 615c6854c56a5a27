// Rules on `needs` that nothing speaks against, but that do not do what was meant. What keeps a run from starting is in
// plan/problems.ts.

import { pointerOf } from "../plan/problems.ts";
import { below } from "../pointer.ts";
import { quoted } from "../quoted.ts";
import { type Finding, warning } from "./finding.ts";
import type { PlanFacts } from "./plan-facts.ts";

/** A task is needed once, runs, and does not come before anyway. */
export function* needsRules(facts: PlanFacts, path: string): Generator<Finding> {
  const { graph } = facts;
  for (const [index, { spec, stage }] of graph.nodes.entries()) {
    const seen = new Set<string>();
    for (const [place, name] of (spec.needs ?? []).entries()) {
      const needPath = below(`${path}${pointerOf(graph, index)}/needs`, place);
      const other = graph.named(name);
      if (seen.has(name)) {
        yield warning(needPath, `${quoted(name)} is needed twice here; remove one of them`);
        continue;
      }
      seen.add(name);
      if (other === undefined || other === index) continue;
      const isAfterAll = graph.stage(stage).isFinally && !graph.stage(graph.node(other).stage).isFinally;
      const never = facts.neverRuns(other);
      if (isAfterAll) {
        const message = `\`finally\` stages come after all others, so ${quoted(name)} has ended anyway; remove it`;
        yield warning(needPath, message);
      } else if (never !== undefined) {
        const message = `${quoted(name)} never runs (${never}), and a need that is SKIPPED counts as done, so nothing is waited for; let it run, or remove it`;
        yield warning(needPath, message);
      }
    }
  }
}
