// What every store does: each sentence of the contract in store.ts, tested. The parts are in testing/, one for each
// aggregate.

import { afterEach, beforeEach, describe } from "vitest";
import type { Store } from "./store.ts";
import { describeAccounts } from "./testing/accounts.conformance.ts";
import { describeArtifacts } from "./testing/artifacts.conformance.ts";
import type { Bench, Database, TestClock } from "./testing/bench.ts";
import { describeCatalog } from "./testing/catalog.conformance.ts";
import { describeCommits } from "./testing/commits.conformance.ts";
import { describeDecisionRecords } from "./testing/decision-records.conformance.ts";
import { describeDeliveries } from "./testing/deliveries.conformance.ts";
import { describeDeliveryFilters, describeDeliveryLists } from "./testing/delivery-lists.conformance.ts";
import { describeDeliveryRemoval } from "./testing/delivery-removal.conformance.ts";
import { describeDeliveryTargets } from "./testing/delivery-targets.conformance.ts";
import { describeEndedRuns } from "./testing/ended-runs.conformance.ts";
import { describeFilters } from "./testing/filters.conformance.ts";
import { describeGates } from "./testing/gates.conformance.ts";
import { describeHistory } from "./testing/history.conformance.ts";
import { describeLists } from "./testing/lists.conformance.ts";
import { describeChannels, describeClusters, describeLimits } from "./testing/named.conformance.ts";
import { describeOutbox } from "./testing/outbox.conformance.ts";
import { describePauses } from "./testing/pauses.conformance.ts";
import { START } from "./testing/records.ts";
import { describeRunnerAttempts } from "./testing/runner-attempts.conformance.ts";
import { describeRuns } from "./testing/runs.conformance.ts";
import { describeSchedules } from "./testing/schedules.conformance.ts";

/** `prepare` makes an empty database whose stores take the time from `now`. */
export function describeStore(name: string, prepare: (now: () => number) => Promise<Database>): void {
  describeFilters(`${name} filters and pages`, () => prepare(() => START));
  describeDeliveryFilters(`${name} filters and pages`, prepare);
  describe(`${name} keeps the contract of stores:`, () => {
    let database: Database;
    let opened: Store[];
    const clock: TestClock = { now: START };
    let current: Store;
    const bench: Bench = {
      clock,
      get store() {
        return current;
      },
      async another() {
        const store = await database.open();
        opened.push(store);
        return store;
      },
    };

    beforeEach(async () => {
      opened = [];
      clock.now = START;
      database = await prepare(() => clock.now);
      current = await bench.another();
    });
    afterEach(async () => {
      for (const store of opened) await store.close();
      await database.dispose();
    });

    describeCommits(bench);
    describeRuns(bench);
    describeEndedRuns(bench);
    describeLists(bench);
    describeOutbox(bench);
    describeHistory(bench);
    describeCatalog(bench);
    describeSchedules(bench);
    describeAccounts(bench);
    describeDeliveries(bench);
    describeDeliveryTargets(bench);
    describeDeliveryLists(bench);
    describeDeliveryRemoval(bench);
    describeDecisionRecords(bench);
    describeChannels(bench);
    describeClusters(bench);
    describeLimits(bench);
    describePauses(bench);
    describeRunnerAttempts(bench, () => prepare(() => START));
    describeArtifacts(bench);
    describeGates(bench);
  });
}
