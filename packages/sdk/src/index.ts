// What a program that talks to mflow imports.

export { ApiError, ConnectionError } from "./api-error.ts";
export type { IfRevision, InScope } from "./catalog.ts";
export { type Client, createClient, eachItem } from "./client.ts";
export type { EventOptions } from "./events.ts";
export type { FollowOptions } from "./logs.ts";
export type { StreamOptions } from "./resume.ts";
export type { RunOptions } from "./runs.ts";
export type { TaskTerminal, TerminalEnd, TerminalOptions } from "./terminal.ts";
export type { ClientOptions } from "./transport.ts";
