// How often, when and after what a task is tried again by itself (semantics, section 3).

import type { Static } from "typebox";
import { closed, Duration, oneOf, titled } from "./scalars.ts";
import { Type } from "./type.ts";

export const RetryReason = oneOf(
  ["FAILED", "TIMEOUT", "LOST"],
  "`FAILED`: the work failed. `TIMEOUT`: it took too long. `LOST`: nobody knows whether its work was done.",
);
export type RetryReason = Static<typeof RetryReason>;

export const DEFAULT_RETRY_REASONS: readonly RetryReason[] = ["FAILED", "TIMEOUT"];
export const DEFAULT_BACKOFF = { initial: "0s", factor: 2, max: "1h", jitter: 0 };

export const RetrySpec = closed(
  {
    limit: Type.Integer({ minimum: 0, maximum: 50, description: "How often it is tried again at most." }),
    backoff: Type.Optional(
      closed(
        {
          initial: Type.Optional(titled("Before the first retry (default `0s`).", Duration)),
          factor: Type.Optional(
            Type.Number({
              minimum: 1,
              maximum: 100,
              description: "Each wait is so many times the one before (default 2).",
            }),
          ),
          max: Type.Optional(titled("No wait is longer (default `1h`).", Duration)),
          jitter: Type.Optional(
            Type.Number({
              minimum: 0,
              maximum: 1,
              description: "Each wait is longer or shorter by up to this part of it, at random (default 0).",
            }),
          ),
        },
        { description: "How long it waits before each retry; without it there is no wait." },
      ),
    ),
    on: Type.Optional(
      Type.Array(RetryReason, {
        minItems: 1,
        maxItems: 3,
        description: "After what it is tried again (default `FAILED` and `TIMEOUT`).",
      }),
    ),
  },
  { description: "The task is tried again by itself when it does not succeed." },
);
export type RetrySpec = Static<typeof RetrySpec>;
