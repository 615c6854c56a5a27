// A pause: nothing new starts, what runs goes on. Of one run (in its status), of a pipeline, or of the whole server.

import type { Static } from "typebox";
import { closed, Timestamp, titled } from "./scalars.ts";
import { Type } from "./type.ts";

const message = Type.Optional(Type.String({ maxLength: 1024, description: "Why, for those who wait." }));

export const Paused = closed(
  {
    by: Type.String({ description: "Who paused it." }),
    at: titled("Since when.", Timestamp),
    message,
  },
  { description: "Nothing new starts until somebody resumes it; what runs goes on." },
);
export type Paused = Static<typeof Paused>;

/** A stored pause of a pipeline or of the server. */
export const Pause = closed(
  {
    key: Type.String({ description: "`server`, or `pipeline/DOMAIN/NAMESPACE/NAME`." }),
    ...Paused.properties,
  },
  { description: "What is paused, by whom and since when." },
);
export type Pause = Static<typeof Pause>;

export const PauseRequest = closed({ message });
export type PauseRequest = Static<typeof PauseRequest>;
