// The server's settings.

import { availableParallelism } from "node:os";
import { join, resolve } from "node:path";
import { MflowError } from "@mflow/core/errors";
import { expect, test } from "vitest";
import { readConfig, type ServerFlags } from "./config.ts";

const { localUser, ...rest } = readConfig({}, {});
const defaults = rest;

test("without flags and variables every setting has a safe default", () => {
  expect(defaults).toEqual({
    dataFolder: resolve(".mflow"),
    host: "127.0.0.1",
    port: 7070,
    allowedHosts: [],
    allowedTargets: [],
    language: "en",
    maxTasks: 2 * availableParallelism(),
    allowRootSteps: false,
    logBytesPerTask: 64 * 1024 * 1024,
    logBytesPerSecond: 8 * 1024 * 1024,
    artifacts: { artifactBytes: 2 ** 30, cacheBytes: 10 * 2 ** 30, cacheAgeMs: 14 * 24 * 3600_000 },
    terminalIdleMs: 900_000,
    retention: {},
    logLevel: "info",
  });
  expect(localUser).toMatch(/^[a-z0-9][a-z0-9._-]*$/);
});

const flags: ServerFlags = {
  data: "data",
  host: "::1",
  port: "0",
  allowHost: ["Mflow.Example.com", "other"],
  publicUrl: "https://mflow.example.com/",
  allowTarget: ["10.0.0.0/8", "fd00::1", "hooks.corp"],
  language: "zh",
  maxTasks: "7",
  shellUser: "runner",
  allowRootSteps: true,
  logLimit: "1GiB",
  logRate: "1048576",
  artifactsUrl: "s3://files/mflow?endpoint=http://minio:9000&region=eu-1",
  artifactLimit: "2GiB",
  cacheLimit: "20GiB",
  cacheAge: "7d",
  terminalIdle: "20m",
  retainRuns: "100",
  retainFor: "30d",
  historyFor: "90d",
  idleExit: "1m30s",
  logLevel: "debug",
  logFile: "server.log",
};

const variables = {
  MFLOW_DATA: "data",
  MFLOW_HOST: "::1",
  MFLOW_PORT: "0",
  MFLOW_ALLOW_HOST: "Mflow.Example.com, other,",
  MFLOW_PUBLIC_URL: "https://mflow.example.com/",
  MFLOW_ALLOW_TARGET: "10.0.0.0/8, fd00::1,hooks.corp",
  MFLOW_LANGUAGE: "zh",
  MFLOW_MAX_TASKS: "7",
  MFLOW_SHELL_USER: "runner",
  MFLOW_ALLOW_ROOT_STEPS: "1",
  MFLOW_LOG_LIMIT: "1GiB",
  MFLOW_LOG_RATE: "1048576",
  MFLOW_ARTIFACTS_URL: "s3://files/mflow?endpoint=http://minio:9000&region=eu-1",
  MFLOW_ARTIFACT_LIMIT: "2GiB",
  MFLOW_CACHE_LIMIT: "20GiB",
  MFLOW_CACHE_AGE: "7d",
  AWS_ACCESS_KEY_ID: "key",
  AWS_SECRET_ACCESS_KEY: "secret",
  MFLOW_TERMINAL_IDLE: "20m",
  MFLOW_RETAIN_RUNS: "100",
  MFLOW_RETAIN_FOR: "30d",
  MFLOW_HISTORY_FOR: "90d",
  MFLOW_IDLE_EXIT: "1m30s",
  MFLOW_LOG_LEVEL: "debug",
  MFLOW_LOG_FILE: "server.log",
};

const given = {
  dataFolder: resolve("data"),
  host: "::1",
  port: 0,
  allowedHosts: ["mflow.example.com", "other"],
  publicUrl: "https://mflow.example.com",
  allowedTargets: ["10.0.0.0/8", "fd00::1", "hooks.corp"],
  language: "zh",
  maxTasks: 7,
  shellUser: "runner",
  allowRootSteps: true,
  logBytesPerTask: 2 ** 30,
  logBytesPerSecond: 2 ** 20,
  artifacts: {
    s3: {
      place: { bucket: "files", prefix: "mflow/", endpoint: "http://minio:9000", region: "eu-1" },
      keys: { accessKeyId: "key", secretAccessKey: "secret" },
    },
    artifactBytes: 2 * 2 ** 30,
    cacheBytes: 20 * 2 ** 30,
    cacheAgeMs: 7 * 24 * 3600_000,
  },
  terminalIdleMs: 1_200_000,
  retention: { maxRuns: 100, maxAge: "30d" },
  historyMs: 90 * 86_400_000,
  idleExitMs: 90_000,
  logLevel: "debug",
  logFile: join(process.cwd(), "server.log"),
  localUser,
};

test("every setting comes from its flag or its variable", () => {
  const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY } = variables;
  expect(readConfig(flags, { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY })).toEqual(given);
  expect(readConfig({}, variables)).toEqual(given);
});

test("a flag wins over its variable, and an empty variable counts as none", () => {
  const { port, host } = readConfig({ port: "1" }, { MFLOW_PORT: "2", MFLOW_HOST: "" });
  expect({ port, host }).toEqual({ port: 1, host: "127.0.0.1" });
});

test("secret keys come from the environment alone", () => {
  const current = "c".repeat(32);
  const previous = "p".repeat(64);
  expect(readConfig({}, { MFLOW_SECRET_KEY: current, MFLOW_SECRET_KEY_PREVIOUS: previous })).toMatchObject({
    secretKey: current,
    previousSecretKey: previous,
  });
});

/** The problems that the settings are refused for, by their place. */
function problemsOf(flags: ServerFlags, environment: Record<string, string> = {}): Record<string, string> {
  try {
    readConfig(flags, environment);
  } catch (error) {
    if (!(error instanceof MflowError) || error.code !== "BAD_CONFIG") throw error;
    return Object.fromEntries(error.details.map(({ path, message }) => [path, message]));
  }
  return {};
}

test("all bad settings are named at once, each by its flag or variable, with what it must be", () => {
  const bad = {
    host: "127.0.0.1:80",
    port: "65536",
    allowHost: ["fine", "http://not.fine"],
    publicUrl: "ftp://mflow",
    allowTarget: ["10.0.0.0/8", "http://inside"],
    language: "de",
    maxTasks: "0",
    shellUser: "",
    logLimit: "64MB",
    logRate: "0",
    terminalIdle: "5h",
    retainRuns: "0",
    retainFor: "30s",
    historyFor: "10m",
    idleExit: "soon",
    logLevel: "loud",
  };
  expect(problemsOf(bad, { MFLOW_ALLOW_ROOT_STEPS: "yes" })).toEqual({
    "--host": "`127.0.0.1:80` is not the name or address of a host, without port, e.g. `127.0.0.1`",
    "--port": "`65536` is not a whole number from 0 to 65535",
    "--allow-host":
      "`fine,http://not.fine` is not a list of host names without port, e.g. `mflow.example.com`",
    "--public-url": "`ftp://mflow` is not an http or https URL such as `https://mflow.example.com`",
    "--allow-target":
      "`10.0.0.0/8,http://inside` is not a list of ranges, addresses and host names without port, e.g. `10.0.0.0/8`, `127.0.0.1` or `hooks.example.com`",
    "--language": "`de` is not `en` or `zh`",
    "--max-tasks": "`0` is not a whole number from 1 to 100000",
    "--shell-user": "`` is not a text of at least one character",
    "--log-limit": "`64MB` is not a number of bytes such as `1048576`, `64MiB` or `1GiB`",
    "--log-rate": "`0` is not a number of bytes such as `1048576`, `64MiB` or `1GiB`",
    "--terminal-idle": "`5h` is not a duration from `10s` to `4h`",
    "--retain-runs": "`0` is not a whole number from 1 to 1000000",
    "--retain-for": "`30s` is not a duration of at least a minute, such as `30d`",
    "--history-for": "`10m` is not a duration of at least an hour, such as `90d`",
    "--idle-exit": "`soon` is not a duration such as `60s`",
    "--log-level": "`loud` is not one of trace, debug, info, warn, error, silent",
    MFLOW_ALLOW_ROOT_STEPS: "`yes` is not `true` or `false`",
  });
});

test("a number that is almost one is refused", () => {
  for (const port of ["", " 1", "1e3", "0x10", "-1", "1.5", "70 70", "99999999999"]) {
    expect(Object.keys(problemsOf({ port }))).toEqual(["--port"]);
  }
});

test("a secret key that is too short is refused, and not shown", () => {
  const problems = problemsOf({}, { MFLOW_SECRET_KEY: "hunter2", MFLOW_SECRET_KEY_PREVIOUS: "hunter3" });
  expect(Object.keys(problems)).toEqual(["MFLOW_SECRET_KEY", "MFLOW_SECRET_KEY_PREVIOUS"]);
  expect(JSON.stringify(problems)).not.toContain("hunter");
  expect(problems.MFLOW_SECRET_KEY).toContain("openssl rand -hex 32");
});

test("the token of a first admin comes from the environment alone, and is refused, unshown, when it is none", () => {
  const token = `mft_0123456789abcdef_${"s".repeat(43)}`;
  expect(readConfig({}, { MFLOW_ADMIN_TOKEN: token }).adminToken).toBe(token);
  const problems = problemsOf({}, { MFLOW_ADMIN_TOKEN: "hunter2" });
  expect(Object.keys(problems)).toEqual(["MFLOW_ADMIN_TOKEN"]);
  expect(problems.MFLOW_ADMIN_TOKEN).not.toContain("hunter");
});

test("a database other than SQLite is refused with what this version does instead, and its password is not shown", () => {
  expect(problemsOf({}, { MFLOW_DATABASE_URL: "sqlite" })).toEqual({});
  expect(problemsOf({}, { MFLOW_DATABASE_URL: "" })).toEqual({});
  const remedy = "this version keeps its state in SQLite in the data folder; unset it, or say `sqlite`";
  for (const url of ["postgres://mflow:hunter2@db/mflow", "postgresql://db/mflow"])
    expect(problemsOf({}, { MFLOW_DATABASE_URL: url })).toEqual({
      MFLOW_DATABASE_URL: `names PostgreSQL, but ${remedy}`,
    });
  expect(problemsOf({}, { MFLOW_DATABASE_URL: "mysql://hunter2@db" })).toEqual({
    MFLOW_DATABASE_URL: `is not \`sqlite\`, but ${remedy}`,
  });
});

test("an address of a bucket is refused without its keys, and when it holds them", () => {
  const needs = "needs AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment too";
  expect(problemsOf({}, { MFLOW_ARTIFACTS_URL: "s3://files" })).toEqual({ MFLOW_ARTIFACTS_URL: needs });
  const { MFLOW_ARTIFACTS_URL } = problemsOf({}, { MFLOW_ARTIFACTS_URL: "s3://key:secret@files" });
  expect(MFLOW_ARTIFACTS_URL).toContain("keys do not belong into it");
});
