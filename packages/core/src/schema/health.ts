// How it is with the server: bodies of the HTTP API that probes and people read.

import type { Static } from "typebox";
import { Paused } from "./pause.ts";
import { closed, oneOf, Timestamp, titled } from "./scalars.ts";
import { Type } from "./type.ts";

export const Health = closed({
  status: oneOf(["ok"], "The process answers."),
  version: Type.String({ description: "Of the server." }),
});
export type Health = Static<typeof Health>;

export const Readiness = closed({
  status: oneOf(
    ["ready", "starting", "draining", "unwritable"],
    "Only a server that is `ready` takes work. One that is `unwritable` answers what is read, and refuses every change.",
  ),
  problem: Type.Optional(
    closed(
      {
        code: Type.String({ description: "Of the error catalogue, e.g. `STORE_FULL`." }),
        message: Type.String({ description: "What is wrong." }),
        remedy: Type.String({ description: "What to do." }),
      },
      { description: "Why it is `unwritable`. Once that is mended it is `ready` by itself." },
    ),
  ),
  paused: Type.Optional(
    closed(
      { at: titled("Since when.", Timestamp), message: Paused.properties.message },
      { description: "It takes work, but an admin lets nothing new start (`mflow drain`)." },
    ),
  ),
});
export type Readiness = Static<typeof Readiness>;

export const ServerInfo = closed({
  version: Type.String({ description: "Of the server." }),
  status: Readiness.properties.status,
  problem: Readiness.properties.problem,
  paused: Type.Optional(titled("An admin lets nothing new start.", Paused)),
});
export type ServerInfo = Static<typeof ServerInfo>;

/** Where the server stands in its life; answers `/readyz`. */
export type ServerState = Exclude<Readiness["status"], "unwritable">;
