// The inbox: the gates that wait for a person, oldest first.

import type { Static } from "typebox";
import { DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE } from "./api.ts";
import { GateName } from "./evidence.ts";
import { Reported } from "./job-task.ts";
import { closed, Timestamp, titled } from "./scalars.ts";
import { Type } from "./type.ts";

export const InboxQuery = closed({
  user: Type.Optional(
    Type.String({ maxLength: 63, description: "Whose (default: your own; another's needs admin)." }),
  ),
  limit: Type.Optional(
    Type.Integer({ minimum: 1, maximum: MAX_PAGE_SIZE, description: `Default ${DEFAULT_PAGE_SIZE}.` }),
  ),
  cursor: Type.Optional(Type.String({ maxLength: 512, description: "`nextCursor` of the page before." })),
});
export type InboxQuery = Static<typeof InboxQuery>;

export const InboxItem = closed(
  {
    taskId: Type.String({ description: "Id of the task." }),
    name: Type.String({ description: "Name of the task." }),
    stageName: Type.Optional(Type.String({ description: "Name of its stage." })),
    attempt: Type.Integer({ description: "Attempt of the task." }),
    pipelineTaskId: Type.Optional(Type.String({ description: "The run; none for a task that runs alone." })),
    domain: Type.String({ description: "Domain of the task." }),
    namespace: Type.String({ description: "Namespace of the task." }),
    job: closed(
      {
        name: Type.String({ description: "Name of the job." }),
        version: Type.String({ description: "Version of the job." }),
      },
      { description: "The job that it runs." },
    ),
    startedBy: Type.String({ description: "Who started the run." }),
    gate: GateName,
    since: titled("When it began to wait.", Timestamp),
    expiresAt: Type.Optional(titled("When it ends, or is escalated, undecided.", Timestamp)),
    escalatedAt: Type.Optional(titled("When others were asked too.", Timestamp)),
    required: Type.Integer({ description: "How many different people must pass." }),
    passes: Type.Integer({ description: "How many have." }),
    onBehalfOf: Type.Optional(
      Type.String({ description: "For whom they would decide, who is away; absent: for themself." }),
    ),
    reported: Type.Optional(Reported),
    digest: Type.Optional(Type.String({ description: "Digest of what is decided on." })),
  },
  { description: "A gate that waits for a person." },
);
export type InboxItem = Static<typeof InboxItem>;

export const InboxPage = closed({
  items: Type.Array(InboxItem, {
    description: "Oldest first. A page may hold fewer than its limit, or none, and still not be the last.",
  }),
  nextCursor: Type.Optional(
    Type.String({ description: "Give it as `cursor` for the next page; absent on the last one." }),
  ),
});
export type InboxPage = Static<typeof InboxPage>;
