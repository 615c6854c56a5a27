// Schedules: they start pipelines at the times of cron expressions (semantics, section 5).

import { RunPipelineResponse, ScopeQuery, TriggerQuery } from "@mflow/core/schema/api";
import type { Scope } from "@mflow/core/schema/scalars";
import {
  PauseScheduleRequest,
  type Schedule,
  ScheduleManifest,
  SchedulePage,
  ScheduleQuery,
  ScheduleView,
} from "@mflow/core/schema/schedule";
import { deleteSchedule } from "../../catalog/delete-record.ts";
import { findPipeline, findSchedule } from "../../catalog/find.ts";
import { takeOverSchedule } from "../../catalog/take-over-schedule.ts";
import type { Role } from "../../store/store.ts";
import { actorIn, type Caller, demandRecord } from "../caller.ts";
import { pageQuery, requestScope } from "../list-query.ts";
import { createRecord, recordFinder, replaceRecord } from "../one-record.ts";
import { type Answer, type Call, type Route, route } from "../route.ts";
import type { Services } from "../services.ts";
import { taskView } from "../task-view.ts";

const tag = "Schedules";
const named =
  "`ref` is the schedule's id, `#id`, or `name[@namespace[.domain]]`; what is left out comes from the query.";
const one = { 200: { description: "The schedule as it is now.", schema: ScheduleView } };

export function scheduleRoutes(services: Services): Route[] {
  const { store, catalog, schedules, engine } = services;
  async function answer(schedule: Schedule): Promise<Answer> {
    return { body: await schedules.view(schedule), revision: schedule.revision };
  }

  const finder = (call: Call<Partial<Scope>, unknown>, caller: Caller, role: Role) =>
    recordFinder(store.catalog, { kind: "Schedule", find: findSchedule }, call, caller, role);

  /** Whose rights a run has must be allowed to run the pipeline where it is. */
  async function demandPipeline(caller: Caller, schedule: Schedule): Promise<void> {
    const pipeline = await findPipeline(store.catalog, schedule.spec.pipeline, schedule);
    demandRecord(caller, "operator", pipeline, `pipeline \`${schedule.spec.pipeline}\``);
  }

  return [
    route({
      method: "GET",
      path: "/schedules",
      id: "listSchedules",
      tag,
      summary: "List schedules, newest first",
      access: "caller",
      query: ScheduleQuery,
      successes: { 200: { description: "A page of schedules.", schema: SchedulePage } },
      errors: [],
      async handle({ query }, caller) {
        const { name } = query;
        const page = await store.catalog.listSchedules({ ...pageQuery(caller, query), name });
        const items = await Promise.all(page.items.map((schedule) => schedules.view(schedule)));
        return { body: { ...page, items } };
      },
    }),
    route({
      method: "POST",
      path: "/schedules",
      id: "createSchedule",
      tag,
      summary: "Create a schedule from its manifest",
      description:
        "Its runs have the rights of who creates it. Needs operator, there and where the pipeline is.",
      access: "caller",
      query: ScopeQuery,
      body: ScheduleManifest,
      readsBodyItself: true,
      successes: { 201: { description: "The new schedule.", schema: ScheduleView } },
      errors: ["INVALID_DOCUMENT", "NAME_TAKEN"],
      async handle({ query, body }, caller) {
        const schedule = await createRecord(services, "Schedule", body, requestScope(query), caller);
        return { status: 201, ...(await answer(schedule)) };
      },
    }),
    route({
      method: "GET",
      path: "/schedules/:ref",
      id: "getSchedule",
      tag,
      summary: "Get a schedule, what it has done, and its next five times",
      description: named,
      access: "caller",
      query: ScopeQuery,
      successes: { 200: { description: "The schedule.", schema: ScheduleView } },
      errors: ["NOT_FOUND"],
      async handle(call, caller) {
        return answer(await finder(call, caller, "viewer")());
      },
    }),
    route({
      method: "PUT",
      path: "/schedules/:ref",
      id: "replaceSchedule",
      tag,
      summary: "Replace a schedule by a manifest of its name",
      description: `Who changes its spec becomes its owner: its runs have their rights from then on. ${named} Needs operator, there and where the pipeline is.`,
      access: "caller",
      headers: ["If-Match"],
      query: ScopeQuery,
      body: ScheduleManifest,
      successes: one,
      errors: ["NOT_FOUND", "INVALID_DOCUMENT", "STALE_REVISION"],
      async handle(call, caller) {
        const schedule = await finder(call, caller, "operator")();
        return answer(await replaceRecord(services, "Schedule", schedule, call, caller));
      },
    }),
    route({
      method: "DELETE",
      path: "/schedules/:ref",
      id: "deleteSchedule",
      tag,
      summary: "Delete a schedule",
      description: `Its runs stay, and go on when they have not ended. ${named} Needs operator.`,
      access: "caller",
      headers: ["If-Match"],
      query: ScopeQuery,
      successes: { 204: { description: "It is gone." } },
      errors: ["NOT_FOUND", "STALE_REVISION"],
      async handle(call, caller) {
        await deleteSchedule(catalog, finder(call, caller, "operator"));
        return {};
      },
    }),
    route({
      method: "POST",
      path: "/schedules/:ref/pause",
      id: "pauseSchedule",
      tag,
      summary: "Pause a schedule: nothing starts until it is resumed",
      description: `Applying its manifest does not resume it. ${named} Needs operator.`,
      access: "caller",
      headers: ["If-Match"],
      query: ScopeQuery,
      body: PauseScheduleRequest,
      bodyOptional: true,
      successes: one,
      errors: ["NOT_FOUND", "CONFLICT", "STALE_REVISION"],
      async handle(call, caller) {
        const schedule = await finder(call, caller, "operator")();
        await schedules.pause(schedule, caller.name, call.body?.message);
        return answer(schedule);
      },
    }),
    route({
      method: "POST",
      path: "/schedules/:ref/resume",
      id: "resumeSchedule",
      tag,
      summary: "Resume a schedule, or take it over",
      description: `Who resumes it becomes its owner: its runs have their rights from then on. Times that passed while it was paused are not caught up with. ${named} Needs operator, there and where the pipeline is.`,
      access: "caller",
      headers: ["If-Match"],
      query: ScopeQuery,
      successes: one,
      errors: ["NOT_FOUND", "CONFLICT", "STALE_REVISION"],
      async handle(call, caller) {
        const find = finder(call, caller, "operator");
        const stored = await find();
        await demandPipeline(caller, stored);
        schedules.refuseManifestPause(stored);
        const schedule = await takeOverSchedule(catalog, find, caller.name);
        await schedules.resume(schedule, caller.name);
        return answer(schedule);
      },
    }),
    route({
      method: "POST",
      path: "/schedules/:ref/trigger",
      id: "triggerSchedule",
      tag,
      summary: "Start a run of a schedule now",
      description: `With the params and labels of the schedule, and the rights of the caller; also while it is paused. ${named} Needs operator, there and where the pipeline is.`,
      access: "caller",
      headers: ["Idempotency-Key"],
      query: TriggerQuery,
      successes: {
        201: { description: "The new run.", schema: RunPipelineResponse },
        200: { description: "The run that the key was used for.", schema: RunPipelineResponse },
      },
      errors: [
        "NOT_FOUND",
        "INVALID_PARAMS",
        "JOB_NOT_RUNNABLE",
        "PIPELINE_IS_RUNNING",
        "GATE_CANNOT_PASS",
        "IDEMPOTENCY_CONFLICT",
      ],
      async handle(call, caller) {
        const schedule = await finder(call, caller, "operator")();
        await demandPipeline(caller, schedule);
        const result = await schedules.trigger(schedule, actorIn(caller, schedule), {
          queue: call.query.queue,
          idempotencyKey: call.idempotencyKey,
        });
        const tasks = result.tasks.map((task) => taskView(engine, task));
        const status = result.repeated ? 200 : 201;
        return { status, body: { ...result, tasks }, revision: result.run.revision };
      },
    }),
  ];
}
