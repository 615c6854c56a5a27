// What differs between a stored record and what a manifest makes of it: what apply would not take for a change is none.

import { changesBetween, type FieldChange, markSecret } from "@mflow/core/record-diff";
import type { Job } from "@mflow/core/schema/job";
import type { Pipeline } from "@mflow/core/schema/pipeline";
import type { Schedule } from "@mflow/core/schema/schedule";
import type { Vault } from "./context.ts";
import { describing } from "./describing.ts";
import { jobForm, pipelineForm, scheduleForm } from "./plain-form.ts";
import { withSecrets } from "./sameness.ts";

export interface Compared {
  changes: FieldChange[];
  /** Why an apply would refuse them. */
  refusal?: string;
}

/** What is compared, with its secrets marked. */
export interface ComparedForms {
  before?: unknown;
  after: unknown;
}

/** What differs between two plain forms. */
export function compareForms(before: unknown, after: unknown): Compared {
  return { changes: changesBetween(before, after, "spec") };
}

/** Of a new job there are no changes: all of it is new. */
export function compareJobs(
  stored: Job | undefined,
  job: Job,
  vault: Vault,
  refusal: string | undefined,
): Compared {
  const form = (one: Job) => ({
    stage: one.stage,
    metadata: describing(one),
    spec: withSecrets(jobForm(one.spec), vault, markSecret),
  });
  const changes = stored ? changesBetween(form(stored), form(job)) : [];
  return { changes, ...(refusal !== undefined && { refusal }) };
}

/** Of a new pipeline there are no changes: all of it is new. */
export function comparePipelines(stored: Pipeline | undefined, pipeline: Pipeline, vault: Vault): Compared {
  const form = (one: Pipeline) => ({
    metadata: describing(one),
    spec: withSecrets(pipelineForm(one.spec), vault, markSecret),
  });
  return { changes: stored ? changesBetween(form(stored), form(pipeline)) : [] };
}

/** Of a new schedule there are no changes: all of it is new. */
export function compareSchedules(stored: Schedule | undefined, schedule: Schedule, vault: Vault): Compared {
  const form = (one: Schedule) => ({
    metadata: describing(one),
    spec: withSecrets(scheduleForm(one.spec), vault, markSecret),
  });
  return { changes: stored ? changesBetween(form(stored), form(schedule)) : [] };
}
