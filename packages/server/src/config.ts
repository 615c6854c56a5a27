// The server's settings: read once, from flags and environment, by whoever starts it. Only this file and main.ts
// know the environment.

import { isIP } from "node:net";
import { availableParallelism, userInfo } from "node:os";
import { resolve } from "node:path";
import { parseDuration } from "@mflow/core/duration";
import { type ErrorDetail, MflowError } from "@mflow/core/errors";
import { LEAST_AGE_MS } from "@mflow/core/retention";
import type { Language } from "@mflow/core/schema/listener";
import type { Retention } from "@mflow/core/schema/retention";
import type { ArtifactSettings } from "./artifacts/open-artifacts.ts";
import { parseS3Url, type S3Place } from "./artifacts/s3-url.ts";
import { parseUserToken } from "./auth/user-token.ts";
import { parseAllowedTarget } from "./listeners/target-guard.ts";

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
  /** Ranges, addresses and names of hosts that listeners may name although they are not public. */
  allowedTargets: string[];
  /** Language of messages to those who want none in particular. */
  language: Language;
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
  /** Where artifacts and caches are kept, and how much of them. */
  artifacts: ArtifactSettings;
  /** A terminal in which nothing happens ends after so long, milliseconds. */
  terminalIdleMs: number;
  /** Which ended runs go of pipelines, and of lone tasks, that have no rule of their own; an empty one: none. */
  retention: Retention;
  /** Events older than this are moved to the archive, milliseconds; absent: none. */
  historyMs?: number;
  secretKey?: string;
  previousSecretKey?: string;
  /** Token of the user `admin`, who is made with it when there are no users yet. */
  adminToken?: string;
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
  allowTarget?: string[];
  language?: string;
  maxTasks?: string;
  shellUser?: string;
  allowRootSteps?: boolean;
  logLimit?: string;
  logRate?: string;
  artifactsUrl?: string;
  artifactLimit?: string;
  cacheLimit?: string;
  cacheAge?: string;
  terminalIdle?: string;
  retainRuns?: string;
  retainFor?: string;
  historyFor?: string;
  idleExit?: string;
  logLevel?: string;
  logFile?: string;
}

const DEFAULT_DATA_FOLDER = ".mflow";
const DEFAULT_PORT = 7070;
const LOG_LEVELS = ["trace", "debug", "info", "warn", "error", "silent"];
/** As the schema of a pipeline allows. */
const MAX_RETAINED_RUNS = 1_000_000;
const SECRET_KEY_MIN_LENGTH = 32;

/**
 * Settings from flags, then environment (`MFLOW_...`), then defaults. Throws BAD_CONFIG whose details name each
 * setting that makes no sense, by flag and variable, with the remedy.
 */
export function readConfig(
  flags: ServerFlags,
  environment: Record<string, string | undefined>,
): ServerConfig {
  const problems: ErrorDetail[] = [];
  const refuse = (name: string, message: string) => problems.push({ path: name, message });

  /** The setting as `read` understands it; `read` answers undefined for what it does not. */
  function setting<T>(name: string, given: string | undefined, read: Reader<T>): T | undefined {
    const variable = `MFLOW_${name.slice(2).replaceAll("-", "_").toUpperCase()}`;
    const text = given ?? (environment[variable] || undefined);
    if (text === undefined) return undefined;
    const value = read.parse(text);
    if (value === undefined)
      refuse(given === undefined ? variable : name, `\`${text}\` is not ${read.wanted}`);
    return value;
  }

  /** A secret comes from the environment alone: everybody on the machine sees the flags of a process. */
  function secret(variable: string): string | undefined {
    const text = environment[variable] || undefined;
    if (text !== undefined && text.length < SECRET_KEY_MIN_LENGTH) {
      const remedy = `give at least ${SECRET_KEY_MIN_LENGTH} random characters, e.g. from \`openssl rand -hex 32\``;
      refuse(variable, `is too short: ${remedy}`);
    }
    return text;
  }

  /** Not a flag either, and never shown: the URL of a database holds its password. */
  function refuseOtherDatabases(): void {
    const url = environment.MFLOW_DATABASE_URL || "sqlite";
    if (url === "sqlite") return;
    const isPostgres = /^postgres(ql)?:/i.test(url);
    const remedy = "this version keeps its state in SQLite in the data folder; unset it, or say `sqlite`";
    refuse("MFLOW_DATABASE_URL", `${isPostgres ? "names PostgreSQL" : "is not `sqlite`"}, but ${remedy}`);
  }

  /** The keys come from the environment alone, as every secret. */
  function artifactSettings(): ArtifactSettings {
    const place = setting("--artifacts-url", flags.artifactsUrl, s3Url);
    const accessKeyId = environment.AWS_ACCESS_KEY_ID || undefined;
    const secretAccessKey = environment.AWS_SECRET_ACCESS_KEY || undefined;
    const limits = {
      artifactBytes: setting("--artifact-limit", flags.artifactLimit, byteCount) ?? 2 ** 30,
      cacheBytes: setting("--cache-limit", flags.cacheLimit, byteCount) ?? 10 * 2 ** 30,
      cacheAgeMs: setting("--cache-age", flags.cacheAge, duration) ?? 14 * 24 * 3600_000,
    };
    if (!place) return limits;
    if (accessKeyId !== undefined && secretAccessKey !== undefined) {
      return { ...limits, s3: { place, keys: { accessKeyId, secretAccessKey } } };
    }
    refuse("MFLOW_ARTIFACTS_URL", "needs AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment too");
    return limits;
  }

  function firstToken(): string | undefined {
    const text = environment.MFLOW_ADMIN_TOKEN || undefined;
    if (text === undefined || parseUserToken(text)) return text;
    refuse(
      "MFLOW_ADMIN_TOKEN",
      'is not a token; make one with `echo "mft_$(openssl rand -hex 8)_$(openssl rand -hex 32 | cut -c1-43)"`',
    );
    return undefined;
  }

  refuseOtherDatabases();
  const config: ServerConfig = {
    dataFolder: resolve(setting("--data", flags.data, anyText) ?? DEFAULT_DATA_FOLDER),
    host: setting("--host", flags.host, hostName) ?? "127.0.0.1",
    port: setting("--port", flags.port, wholeNumber(0, 65535)) ?? DEFAULT_PORT,
    allowedHosts: setting("--allow-host", flags.allowHost?.join(","), hostNames) ?? [],
    publicUrl: setting("--public-url", flags.publicUrl, httpUrl),
    allowedTargets: setting("--allow-target", flags.allowTarget?.join(","), targets) ?? [],
    language: setting("--language", flags.language, languageName) ?? "en",
    maxTasks: setting("--max-tasks", flags.maxTasks, wholeNumber(1, 100_000)) ?? 2 * availableParallelism(),
    shellUser: setting("--shell-user", flags.shellUser, anyText),
    allowRootSteps: setting("--allow-root-steps", flags.allowRootSteps?.toString(), yesOrNo) ?? false,
    logBytesPerTask: setting("--log-limit", flags.logLimit, byteCount) ?? 64 * 2 ** 20,
    logBytesPerSecond: setting("--log-rate", flags.logRate, byteCount) ?? 8 * 2 ** 20,
    artifacts: artifactSettings(),
    terminalIdleMs: setting("--terminal-idle", flags.terminalIdle, terminalIdle) ?? 15 * 60_000,
    retention: {
      maxRuns: setting("--retain-runs", flags.retainRuns, wholeNumber(1, MAX_RETAINED_RUNS)),
      maxAge: setting("--retain-for", flags.retainFor, retainedFor),
    },
    historyMs: setting("--history-for", flags.historyFor, historyFor),
    logLevel: setting("--log-level", flags.logLevel, logLevel) ?? "info",
    logFile: setting("--log-file", flags.logFile, path),
    idleExitMs: setting("--idle-exit", flags.idleExit, duration),
    secretKey: secret("MFLOW_SECRET_KEY"),
    previousSecretKey: secret("MFLOW_SECRET_KEY_PREVIOUS"),
    adminToken: firstToken(),
    localUser: localUserName(),
  };
  if (problems.length === 0) return config;
  const message = problems.map((problem) => `${problem.path}: ${problem.message}`).join("; ");
  throw new MflowError("BAD_CONFIG", message, problems);
}

/** How a setting is read from text. */
interface Reader<T> {
  /** What it must be, for people. */
  wanted: string;
  parse(text: string): T | undefined;
}

const anyText: Reader<string> = {
  wanted: "a text of at least one character",
  parse: (text) => text || undefined,
};

const path: Reader<string> = { wanted: "a path", parse: (text) => (text ? resolve(text) : undefined) };

function wholeNumber(least: number, most: number): Reader<number> {
  return {
    wanted: `a whole number from ${least} to ${most}`,
    parse(text) {
      const number = /^[0-9]{1,9}$/.test(text) ? Number(text) : Number.NaN;
      return number >= least && number <= most ? number : undefined;
    },
  };
}

const byteCount: Reader<number> = {
  wanted: "a number of bytes such as `1048576`, `64MiB` or `1GiB`",
  parse(text) {
    const [, digits = "", unit = ""] = /^([0-9]{1,12})(KiB|MiB|GiB)?$/.exec(text) ?? [];
    const factor = { "": 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 }[unit] ?? Number.NaN;
    return Number(digits) * factor || undefined;
  },
};

const s3Url: Reader<S3Place> = {
  wanted:
    "an address such as `s3://BUCKET/PREFIX?endpoint=https://s3.example.com&region=eu-1`; keys do not belong into it",
  parse: parseS3Url,
};

const duration: Reader<number> = {
  wanted: "a duration such as `60s`",
  parse(text) {
    try {
      return parseDuration(text);
    } catch {
      return undefined;
    }
  },
};

/** Ended runs are kept for a minute whatever is said. */
const retainedFor: Reader<string> = {
  wanted: "a duration of at least a minute, such as `30d`",
  parse: (text) => ((duration.parse(text) ?? 0) >= LEAST_AGE_MS ? text : undefined),
};

/** Long enough for a reader of the stream that comes back after a break. */
const historyFor: Reader<number> = {
  wanted: "a duration of at least an hour, such as `90d`",
  parse(text) {
    const ms = duration.parse(text) ?? 0;
    return ms >= 3600_000 ? ms : undefined;
  },
};

/** Shorter than a copy of a pod lives, so that it ends by its own rule. */
const terminalIdle: Reader<number> = {
  wanted: "a duration from `10s` to `4h`",
  parse(text) {
    const ms = duration.parse(text) ?? 0;
    return ms >= 10_000 && ms <= 4 * 3600_000 ? ms : undefined;
  },
};

const logLevel: Reader<string> = {
  wanted: `one of ${LOG_LEVELS.join(", ")}`,
  parse: (text) => (LOG_LEVELS.includes(text) ? text : undefined),
};

const yesOrNo: Reader<boolean> = {
  wanted: "`true` or `false`",
  parse: (text) => ({ true: true, "1": true, false: false, "0": false })[text],
};

const hostName: Reader<string> = {
  wanted: "the name or address of a host, without port, e.g. `127.0.0.1`",
  parse: (text) =>
    isIP(text) > 0 || /^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$/.test(text) ? text : undefined,
};

function listed(text: string): string[] {
  return text
    .split(",")
    .map((part) => part.trim())
    .filter(Boolean);
}

const targets: Reader<string[]> = {
  wanted:
    "a list of ranges, addresses and host names without port, e.g. `10.0.0.0/8`, `127.0.0.1` or `hooks.example.com`",
  parse(text) {
    const entries = listed(text);
    return entries.every((entry) => parseAllowedTarget(entry)) ? entries : undefined;
  },
};

const languageName: Reader<Language> = {
  wanted: "`en` or `zh`",
  parse: (text) => (text === "en" || text === "zh" ? text : undefined),
};

const hostNames: Reader<string[]> = {
  wanted: "a list of host names without port, e.g. `mflow.example.com`",
  parse(text) {
    const names = listed(text);
    return names.every((name) => hostName.parse(name)) ? names.map((name) => name.toLowerCase()) : undefined;
  },
};

const httpUrl: Reader<string> = {
  wanted: "an http or https URL such as `https://mflow.example.com`",
  parse(text) {
    const protocol = URL.parse(text)?.protocol;
    return protocol === "http:" || protocol === "https:" ? text.replace(/\/+$/, "") : undefined;
  },
};

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
