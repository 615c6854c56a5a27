// A schedule: starts a pipeline at the times of a cron expression (semantics, section 5).

import type { Static } from "typebox";
import { listQuery, pageOf } from "./api.ts";
import { describingMetadata } from "./job.ts";
import { ParamValues } from "./param.ts";
import { closed, Duration, Labels, Name, oneOf, scopeProperties, Timestamp, titled } from "./scalars.ts";
import { Type } from "./type.ts";

const CronExpression = Type.String({
  minLength: 1,
  maxLength: 256,
  description:
    "5 fields (minute, hour, day of month, month, day of week), or 6 with the second first, such as `30 2 * * MON-FRI`; or `@hourly`, `@daily`, `@weekly`, `@monthly`, `@yearly`.",
});

export const Overlap = oneOf(
  ["ALLOW", "SKIP", "QUEUE", "CANCEL_RUNNING"],
  "What happens at a time while a run of the schedule has not ended. `SKIP` (default): no run. `ALLOW`: one more run. `QUEUE`: the run waits in line. `CANCEL_RUNNING`: the run is canceled, and the new one starts when it has ended.",
);
export type Overlap = Static<typeof Overlap>;

export const CatchUp = closed(
  {
    policy: Type.Optional(
      oneOf(
        ["SKIP", "LAST", "ALL"],
        "`SKIP` (default): none of them runs. `LAST`: the newest runs. `ALL`: each runs, oldest first, at most `limit`.",
      ),
    ),
    within: Type.Optional(
      titled("Times that were longer ago are not caught up with (default: none is too old).", Duration),
    ),
    limit: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 100, description: "With `ALL`: the newest so many (default 10)." }),
    ),
  },
  { description: "What happens to times that passed while the server was down. A minute late is on time." },
);
export type CatchUp = Static<typeof CatchUp>;

/** RFC 3339 with any offset; `lint` says when it is no time. */
const Moment = Type.String({
  pattern: "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\\.[0-9]+)?)?(Z|[+-][0-9]{2}:[0-9]{2})$",
  maxLength: 40,
  description: "A time with its offset, e.g. `2026-03-01T12:00:00Z` or `2026-03-01T13:00:00+01:00`.",
});

export const ScheduleSpec = closed(
  {
    pipeline: Type.String({
      minLength: 1,
      maxLength: 256,
      description: "The pipeline: `name[@namespace[.domain]]` or `#id`.",
    }),
    cron: Type.Union([CronExpression, Type.Array(CronExpression, { minItems: 1, maxItems: 16 })], {
      description: "When: a cron expression, or a list of them.",
    }),
    timeZone: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 64,
        description:
          "Time zone of the expressions, a name of the IANA list such as `Europe/Berlin` (default `UTC`).",
      }),
    ),
    runParams: Type.Optional(titled("Values of each run.", ParamValues)),
    labels: Type.Optional(titled("Labels of each run, laid over those of the pipeline.", Labels)),
    overlap: Type.Optional(Overlap),
    jitter: Type.Optional(
      titled("Each run starts later by a time below this one, always the same for the same time.", Duration),
    ),
    paused: Type.Optional(Type.Boolean({ description: "No run starts until the manifest says otherwise." })),
    startAt: Type.Optional(titled("No run before.", Moment)),
    endAt: Type.Optional(titled("No run then or later.", Moment)),
    catchUp: Type.Optional(CatchUp),
  },
  { description: "Which pipeline runs when, and with what." },
);
export type ScheduleSpec = Static<typeof ScheduleSpec>;

export const ScheduleMetadata = closed(
  {
    name: titled("Name of the schedule; unique in its scope.", Name),
    ...scopeProperties,
    ...describingMetadata,
  },
  { description: "What names and describes the schedule. Runs get the labels of its spec, not these." },
);
export type ScheduleMetadata = Static<typeof ScheduleMetadata>;

export const ScheduleManifest = closed(
  {
    kind: Type.Literal("Schedule", { description: "What the document describes." }),
    metadata: ScheduleMetadata,
    spec: ScheduleSpec,
  },
  { description: "Starts a pipeline at the times of a cron expression." },
);
export type ScheduleManifest = Static<typeof ScheduleManifest>;

/** A stored schedule. */
export const Schedule = closed(
  {
    id: Type.String({ description: "`schedule-` and 26 characters, sortable by time." }),
    domain: Type.String({ description: "Domain that it belongs to." }),
    namespace: Type.String({ description: "Namespace in the domain." }),
    name: Type.String({ description: "Name of the schedule." }),
    ...describingMetadata,
    spec: ScheduleSpec,
    owner: Type.String({
      description: "Whose rights its runs have: who changed its spec last, or resumed it since.",
    }),
    revision: Type.Integer({ description: "Counts the changes; the ETag of the record." }),
    createdBy: Type.String({ description: "Who made it." }),
    createdAt: titled("When it was made.", Timestamp),
    updatedAt: titled("When it was last changed.", Timestamp),
  },
  { description: "A stored schedule." },
);
export type Schedule = Static<typeof Schedule>;

export const FiringOutcome = oneOf(
  ["STARTED", "SKIPPED", "REFUSED", "MISSED"],
  "`STARTED`: there is a run. `SKIPPED`: an earlier run had not ended. `REFUSED`: the run could not start. `MISSED`: the time passed while nobody could start it.",
);
export type FiringOutcome = Static<typeof FiringOutcome>;

/** What became of a time of a schedule. */
export const Firing = closed(
  {
    time: titled("The time that it is about, without jitter; of several missed ones the last.", Timestamp),
    since: Type.Optional(titled("Of several missed times the first.", Timestamp)),
    count: Type.Optional(
      Type.Integer({ description: "How many were missed, when it is several and not over 1000." }),
    ),
    at: titled("When this was decided.", Timestamp),
    outcome: FiringOutcome,
    runId: Type.Optional(Type.String({ description: "The run that started, or that was in the way." })),
    message: Type.Optional(Type.String({ description: "Why there is no run, as a sentence." })),
    by: Type.Optional(Type.String({ description: "Who started it by hand." })),
  },
  { description: "What became of a time of a schedule." },
);
export type Firing = Static<typeof Firing>;

/** So many firings are kept. */
export const KEPT_FIRINGS = 20;

const Pause = closed({
  by: Type.String({ description: "Who paused it." }),
  at: titled("When.", Timestamp),
  message: Type.Optional(Type.String({ description: "Why." })),
});

/** A run that starts when those before it have ended (`CANCEL_RUNNING`). */
export const WaitingFiring = closed({
  time: titled("The time that it is about.", Timestamp),
  runIds: Type.Array(Type.String(), { description: "Runs that are being canceled." }),
});
export type WaitingFiring = Static<typeof WaitingFiring>;

/** What a schedule has done so far, and must not forget. */
export const ScheduleState = closed({
  scheduleId: Type.String({ description: "The schedule." }),
  revision: Type.Integer({ description: "Counts the changes." }),
  doneUntil: titled("What becomes of all times until then is decided.", Timestamp),
  timing: Type.String({ description: "Digest of the timing that `doneUntil` is of." }),
  paused: Type.Optional(titled("Since when nothing starts.", Pause)),
  waiting: Type.Optional(WaitingFiring),
  firings: Type.Array(Firing, { maxItems: KEPT_FIRINGS, description: "Newest first." }),
});
export type ScheduleState = Static<typeof ScheduleState>;

export const ScheduleStage = oneOf(
  ["ACTIVE", "PAUSED", "ENDED"],
  "`PAUSED`: by a person or its manifest. `ENDED`: it has no times any more.",
);
export type ScheduleStage = Static<typeof ScheduleStage>;

export const ScheduledTime = closed({
  time: titled("The time of the expression.", Timestamp),
  startsAt: titled("When its run starts: `time`, and later by the jitter.", Timestamp),
});
export type ScheduledTime = Static<typeof ScheduledTime>;

/** A schedule as the API shows it. */
export const ScheduleView = closed(
  {
    ...Schedule.properties,
    status: closed(
      {
        stage: ScheduleStage,
        paused: Type.Optional(titled("Who paused it; absent when its manifest did.", Pause)),
        nextTimes: Type.Array(ScheduledTime, { description: "The next five; none while it is paused." }),
        waiting: Type.Optional(WaitingFiring),
        firings: Type.Array(Firing, { description: `The last ${KEPT_FIRINGS}, newest first.` }),
      },
      { description: "What it has done, and will do." },
    ),
  },
  { description: "A schedule, what it has done, and when it is due next." },
);
export type ScheduleView = Static<typeof ScheduleView>;

export const SchedulePage = pageOf(ScheduleView);

export const ScheduleQuery = closed({
  ...listQuery,
  name: Type.Optional(titled("The schedule of this name.", Name)),
});
export type ScheduleQuery = Static<typeof ScheduleQuery>;

export const PauseScheduleRequest = closed({
  message: Type.Optional(Type.String({ maxLength: 1024, description: "Why, for those who look." })),
});
export type PauseScheduleRequest = Static<typeof PauseScheduleRequest>;
