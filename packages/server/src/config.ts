// The server's settings: read once, from flags and environment, by whoever starts it. Only this file and main.ts
// know the environment.

import { availableParallelism, userInfo } from "node:os";
import { resolve } from "node:path";
import { parseDuration } from "@mflow/core/duration";
import { MflowError } from "@mflow/core/errors";

export interface ServerConfig {
  /** Absolute path of the data folder. */
  dataFolder: string;
  host: string;
  /** 0: any free one. */
  port: number;
  /** Names besides the loopback ones under which the server is called. */
  allowedHosts: string[];
  /** Address under which tasks and people reach the server, when it is not the one it listens on. */
  publicUrl?: string;
  /** Tasks under way at once. */
  maxTasks: number;
  /** User that SHELL steps run as. */
  shellUser?: string;
  /** SHELL steps may run as root. */
  allowRootSteps: boolean;
  /** Bytes that the log of one attempt keeps. */
  logBytesPerTask: number;
  /** Bytes per second that the log of one attempt keeps. */
  logBytesPerSecond: number;
  secretKey?: string;
  previousSecretKey?: string;
  /** Ends the server so long after its last run and gate, milliseconds. */
  idleExitMs?: number;
  logLevel: string;
  /** Absolute path of the file that the server's own log goes to, instead of standard output. */
  logFile?: string;
  /** The operating system user, who acts while there are no users. */
  localUser: string;
}

/** Flags as the command line has them; what is absent comes from the environment or the default. */
export interface ServerFlags {
  data?: string;
  host?: string;
  port?: string;
  allowHost?: string[];
  publicUrl?: string;
  maxTasks?: string;
  shellUser?: string;
  allowRootSteps?: boolean;
  logLimit?: string;
  logRate?: string;
  idleExit?: string;
  logLevel?: string;
  logFile?: string;
}

export const DEFAULT_DATA_FOLDER = ".mflow";
export const DEFAULT_PORT = 7070;
const LOG_LEVELS = ["trace", "debug", "info", "warn", "error", "silent"];
const SECRET_KEY_MIN_LENGTH = 32;

/** Settings from flags, then environment (`MFLOW_...`), then defaults. BAD_REQUEST names the setting and the remedy. */
export function readConfig(
  flags: ServerFlags,
  environment: Record<string, string | undefined>,
): ServerConfig {
  const setting = (flag: string | undefined, name: string) => flag ?? (environment[name] || undefined);
  const host = setting(flags.host, "MFLOW_HOST") ?? "127.0.0.1";
  const config: ServerConfig = {
    dataFolder: resolve(setting(flags.data, "MFLOW_DATA") ?? DEFAULT_DATA_FOLDER),
    host,
    port: wholeNumber("--port", setting(flags.port, "MFLOW_PORT") ?? String(DEFAULT_PORT), 0, 65535),
    allowedHosts: flags.allowHost ?? splitList(environment.MFLOW_ALLOW_HOST),
    maxTasks: wholeNumber(
      "--max-tasks",
      setting(flags.maxTasks, "MFLOW_MAX_TASKS") ?? String(2 * availableParallelism()),
      1,
      100_000,
    ),
    allowRootSteps: flags.allowRootSteps ?? environment.MFLOW_ALLOW_ROOT_STEPS === "true",
    logBytesPerTask: byteCount("--log-limit", setting(flags.logLimit, "MFLOW_LOG_LIMIT") ?? "64MiB"),
    logBytesPerSecond: byteCount("--log-rate", setting(flags.logRate, "MFLOW_LOG_RATE") ?? "8MiB"),
    logLevel: logLevel(setting(flags.logLevel, "MFLOW_LOG_LEVEL") ?? "info"),
    localUser: localUserName(),
  };
  const publicUrl = setting(flags.publicUrl, "MFLOW_PUBLIC_URL");
  if (publicUrl !== undefined) config.publicUrl = httpUrl("--public-url", publicUrl);
  const shellUser = setting(flags.shellUser, "MFLOW_SHELL_USER");
  if (shellUser !== undefined) config.shellUser = shellUser;
  const logFile = setting(flags.logFile, "MFLOW_LOG_FILE");
  if (logFile !== undefined) config.logFile = resolve(logFile);
  const idleExit = setting(flags.idleExit, "MFLOW_IDLE_EXIT");
  if (idleExit !== undefined) config.idleExitMs = duration("--idle-exit", idleExit);
  const secretKey = environment.MFLOW_SECRET_KEY;
  if (secretKey) config.secretKey = checkedKey("MFLOW_SECRET_KEY", secretKey);
  const previous = environment.MFLOW_SECRET_KEY_PREVIOUS;
  if (previous) config.previousSecretKey = checkedKey("MFLOW_SECRET_KEY_PREVIOUS", previous);
  return config;
}

function refuse(name: string, value: string, remedy: string): never {
  throw new MflowError("BAD_REQUEST", `${name} is \`${value}\`: ${remedy}`);
}

function wholeNumber(name: string, value: string, least: number, most: number): number {
  const number = /^[0-9]{1,9}$/.test(value) ? Number(value) : Number.NaN;
  if (number >= least && number <= most) return number;
  return refuse(name, value, `give a whole number from ${least} to ${most}`);
}

/** Bytes from `1048576`, `64MiB` or `1GiB`. */
function byteCount(name: string, value: string): number {
  const [, digits = "", unit = ""] = /^([0-9]{1,12})(KiB|MiB|GiB)?$/.exec(value) ?? [];
  const factor = { "": 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 }[unit];
  if (digits === "" || factor === undefined || Number(digits) === 0) {
    return refuse(name, value, "give bytes, e.g. `64MiB`");
  }
  return Number(digits) * factor;
}

function duration(name: string, value: string): number {
  try {
    return parseDuration(value);
  } catch {
    return refuse(name, value, "give a duration, e.g. `60s`");
  }
}

function logLevel(value: string): string {
  return LOG_LEVELS.includes(value)
    ? value
    : refuse("--log-level", value, `give one of ${LOG_LEVELS.join(", ")}`);
}

function httpUrl(name: string, value: string): string {
  const url = URL.parse(value);
  if (url?.protocol === "http:" || url?.protocol === "https:") return value.replace(/\/+$/, "");
  return refuse(name, value, "give an http or https URL, e.g. `https://mflow.example.com`");
}

function checkedKey(name: string, value: string): string {
  if (value.length >= SECRET_KEY_MIN_LENGTH) return value;
  throw new MflowError(
    "BAD_REQUEST",
    `${name} is too short: give at least ${SECRET_KEY_MIN_LENGTH} random characters, e.g. from \`openssl rand -hex 32\``,
  );
}

function splitList(text: string | undefined): string[] {
  return (text ?? "")
    .split(",")
    .map((part) => part.trim())
    .filter(Boolean);
}

/** As a user name of mflow: lower case, without what such names cannot hold. */
function localUserName(): string {
  try {
    return (
      userInfo()
        .username.toLowerCase()
        .replace(/[^a-z0-9._-]/g, "-")
        .replace(/^[^a-z0-9]+/, "") || "local"
    );
  } catch {
    // A user id without a name, as in some containers.
    return "local";
  }
}
