// What a schedule has done so far, as a value: each step answers the next state and the event that tells of it.

import { digestOf } from "@mflow/core/digest";
import type { EventType, NewHistoryEvent } from "@mflow/core/schema/event";
import {
  type Firing,
  KEPT_FIRINGS,
  type Schedule,
  type ScheduleState,
  type WaitingFiring,
} from "@mflow/core/schema/schedule";

/** Of what `doneUntil` is: with another timing, what has passed was never due. */
function timingDigest({ spec }: Schedule): string {
  const { cron, timeZone, startAt, endAt, paused } = spec;
  return digestOf({ cron, timeZone, startAt, endAt, paused: paused ?? false }).slice(0, 16);
}

/** The state that is true now: of a new schedule, or of one whose timing was changed, what passed before is done. */
export function currentState(schedule: Schedule, state: ScheduleState | undefined): ScheduleState {
  const timing = timingDigest(schedule);
  if (state?.timing === timing) return state;
  if (state) {
    const [, doneUntil = state.doneUntil] = [state.doneUntil, schedule.updatedAt].sort();
    return { ...state, timing, doneUntil };
  }
  return { scheduleId: schedule.id, revision: 0, doneUntil: schedule.createdAt, timing, firings: [] };
}

/** A state, and what is told of how it came to be. */
export interface Step {
  state: ScheduleState;
  event?: NewHistoryEvent;
}

function eventOf(
  schedule: Schedule,
  type: EventType,
  at: string,
  rest: Partial<NewHistoryEvent>,
): NewHistoryEvent {
  const { domain, namespace, name } = schedule;
  return { type, at, domain, namespace, name, ...rest };
}

/** What became of a time is known. `doneUntil` never goes back. */
export function withFiring(
  schedule: Schedule,
  state: ScheduleState,
  firing: Firing,
  { isByHand = false }: { isByHand?: boolean } = {},
): Step {
  const firings = [firing, ...state.firings].slice(0, KEPT_FIRINGS);
  const isLater = !isByHand && firing.time > state.doneUntil;
  const { runId, message, by } = firing;
  return {
    state: { ...state, firings, doneUntil: isLater ? firing.time : state.doneUntil },
    event: eventOf(schedule, `SCHEDULE_${firing.outcome}`, firing.at, {
      ...(runId !== undefined && { pipelineTaskId: runId }),
      ...(message !== undefined && { message }),
      ...(by !== undefined && { actor: by }),
    }),
  };
}

/** The run of a time waits until others have ended. */
export function withWaiting(state: ScheduleState, waiting: WaitingFiring): Step {
  return { state: { ...state, waiting, doneUntil: waiting.time } };
}

/** The state with no time that waits for the run before it. */
export function withoutWaiting({ waiting: _waiting, ...state }: ScheduleState): ScheduleState {
  return state;
}

/** The step of a schedule that a person pauses. */
export function paused(
  schedule: Schedule,
  state: ScheduleState,
  pause: NonNullable<ScheduleState["paused"]>,
): Step {
  const { by, at, message } = pause;
  const rest = { actor: by, ...(message !== undefined && { message }) };
  return { state: { ...state, paused: pause }, event: eventOf(schedule, "SCHEDULE_PAUSED", at, rest) };
}

/** What passed meanwhile is not missed: somebody wanted it so. */
export function resumed(schedule: Schedule, given: ScheduleState, by: string, at: string): Step {
  const { paused: _paused, ...state } = given;
  return {
    state: { ...state, doneUntil: at },
    event: eventOf(schedule, "SCHEDULE_RESUMED", at, { actor: by }),
  };
}
