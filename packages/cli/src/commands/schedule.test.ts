// Schedules from the command line: listed, shown, paused, resumed, started, and their times told without a server.

import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { makeServedWorkplace, type Workplace } from "../testing/command.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const manifests = `
kind: Job
metadata: { name: dump }
publish: true
spec: { runnerType: FAKE, runParams: [{ name: TARGET }], runnerSpec: {} }
---
kind: Pipeline
metadata: { name: backup }
spec: { isParallel: true, stages: [{ name: main, tasks: [{ name: dump, job: dump }] }] }
---
kind: Schedule
metadata: { name: yearly, description: Once a year. }
spec:
  pipeline: backup
  cron: 30 2 1 1 *
  timeZone: Europe/Berlin
  runParams: { TARGET: main }
  catchUp: { policy: LAST, within: 2d }
`;

let place: Workplace;
beforeAll(async () => {
  place = await makeServedWorkplace();
  await place.write("backup.yaml", manifests);
  await place.mflow(["apply", "-f", "backup.yaml"]);
});
afterAll(() => place.remove());

const lines = (text: string) => text.trimEnd().split("\n");

test("the times of an expression are told as its time zone and UTC have them", async () => {
  const told = await place.mflow([
    ...["schedule", "next", "--cron", "30 2 * * *", "--time-zone", "Europe/Berlin"],
    ...["--from", "2026-03-28", "--count", "3"],
  ]);
  expect(lines(told.stdout).map((line) => line.trimEnd())).toEqual([
    "TIME IN Europe/Berlin       UTC",
    "2026-03-28 02:30:00 +01:00  2026-03-28T01:30:00Z",
    "2026-03-29 03:30:00 +02:00  2026-03-29T01:30:00Z",
    "2026-03-30 02:30:00 +02:00  2026-03-30T00:30:00Z",
  ]);
  const asJson = await place.mflow([
    "schedule",
    "next",
    "--cron",
    "@daily",
    "--from",
    "2026-01-01",
    "--count",
    "1",
    "-o",
    "json",
  ]);
  expect(JSON.parse(asJson.stdout)).toEqual({
    items: [{ time: "2026-01-02T00:00:00.000Z", startsAt: "2026-01-02T00:00:00.000Z" }],
  });
});

test.each([
  [["--cron", "61 * * * *"], /field 1 \(minute\) of `61 \* \* \* \*` is `61`; it takes 0 to 59/],
  [["--cron", "@daily", "--time-zone", "Europe/Berln"], /did you mean `Europe\/Berlin`\?/],
  [["--cron", "@daily", "--from", "soon"], /--from soon is no time/],
  [[], /name a schedule, or give an expression with --cron/],
  [["yearly", "--cron", "@daily"], /name a schedule, or give an expression with --cron/],
  [["yearly", "--from", "2026-01-01"], /--time-zone and --from go with --cron/],
])("`schedule next %j` is refused with what to write", async (args, message) => {
  const { exitCode, stderr } = await place.mflow(["schedule", "next", ...args]);
  expect([exitCode, stderr]).toEqual([2, expect.stringMatching(message)]);
});

test("a schedule is listed, shown, paused, resumed, started and deleted", async () => {
  const year = new Date().getUTCFullYear();
  const [titles, row] = lines((await place.mflow(["get", "schedules"])).stdout);
  expect(titles).toMatch(/^NAME +PIPELINE +CRON +TIME ZONE +STAGE +LAST +NEXT$/);
  expect(row).toMatch(/^yearly +backup +30 2 1 1 \* +Europe\/Berlin +ACTIVE +in \S+$/);
  expect((await place.mflow(["schedule", "list"])).stdout).toBe(
    (await place.mflow(["get", "schedules"])).stdout,
  );

  const paused = await place.mflow(["schedule", "pause", "yearly", "-m", "the disk is full"]);
  expect(paused.stdout).toBe("schedule yearly is paused; `mflow schedule resume yearly` resumes it\n");
  const would = await place.mflow(["schedule", "next", "yearly", "--count", "1"]);
  expect([would.stderr, lines(would.stdout)[1]]).toEqual([
    "mflow: schedule yearly is paused, so nothing starts; it would be due then\n",
    expect.stringContaining(`${year + 1}-01-01 02:30:00 +01:00  ${year + 1}-01-01T01:30:00Z  in `),
  ]);
  const resumed = await place.mflow(["schedule", "resume", "yearly"]);
  expect(resumed.stdout).toMatch(
    new RegExp(
      `^schedule yearly is resumed and runs as \\S+; next at ${year + 1}-01-01 02:30:00 \\+01:00 \\(Europe/Berlin\\)\n$`,
    ),
  );

  const id = (await place.mflow(["schedule", "trigger", "yearly", "--detach"])).stdout.trim();
  expect(id).toMatch(/^run-/);
  const described = lines((await place.mflow(["describe", "schedule", "yearly"])).stdout);
  expect(described.map((line) => line.replace(/ {2,}/g, "  "))).toEqual([
    "Schedule  yearly",
    "Stage  ACTIVE",
    "Scope  default.default",
    "Pipeline  backup",
    "Cron  30 2 1 1 * (Europe/Berlin)",
    "Overlap  SKIP",
    "Catch up  LAST, within 2d",
    "Params  TARGET=main",
    expect.stringMatching(/^Runs as {2}\S+$/),
    expect.stringMatching(/^Created {2}\S+ by \S+$/),
    expect.stringMatching(/^Id {2}schedule-/),
    "About  Once a year.",
    "",
    "Next",
    ...[1, 2, 3, 4, 5].map((n) => expect.stringMatching(`^  ${year + n}-01-01 02:30:00 \\+01:00  in \\d+d`)),
    "",
    "Last",
    expect.stringMatching(/^ {2}TIME {2}OUTCOME {2}BY$/),
    expect.stringMatching(new RegExp(`^  \\S+ \\S+ \\S+  STARTED ${id}  \\S+$`)),
  ]);
  expect((await place.mflow(["schedule", "get", "yearly"])).stdout).toBe(
    (await place.mflow(["describe", "schedule", "yearly"])).stdout,
  );
  expect(lines((await place.mflow(["schedule", "next", "yearly", "--count", "7"])).stdout)).toHaveLength(8);
  const kept = await place.mflow(["delete", "pipeline", "backup", "--dry-run"]);
  expect([kept.exitCode, kept.stderr]).toEqual([
    2,
    "mflow: pipeline backup stays: schedule yearly starts it\nDelete the schedule first, or let it start another pipeline.\n",
  ]);
  expect((await place.mflow(["delete", "schedule", "yearly"])).stdout).toBe("schedule yearly deleted\n");
  const gone = await place.mflow(["schedule", "get", "yearly"]);
  expect([gone.exitCode, gone.stderr]).toEqual([2, expect.stringContaining("There is no schedule `yearly`")]);
});

test("lint checks a schedule without a server", async () => {
  await place.write(
    "bad.yaml",
    manifests.replace("30 2 1 1 *", "0 0 30 2 *").replace("Europe/Berlin", "Mars"),
  );
  const { exitCode, stdout, stderr } = await place.mflow(["lint", "bad.yaml"]);
  expect([exitCode, stdout + stderr]).toEqual([
    2,
    expect.stringContaining("`Mars` is no time zone of the IANA list"),
  ]);
});

test("the list is whole, however many there are", async () => {
  // More than a page holds.
  const many = Array.from({ length: 51 }, (_, n) => ({
    kind: "Schedule",
    metadata: { name: `many-${n}`, namespace: "many" },
    spec: { pipeline: "backup@default", cron: "@yearly" },
  }));
  await place.write("many.yaml", many.map((document) => JSON.stringify(document)).join("\n---\n"));
  expect((await place.mflow(["apply", "-f", "many.yaml"])).exitCode).toBe(0);
  const { stdout, stderr } = await place.mflow(["schedule", "list", "-n", "many"]);
  expect([lines(stdout).length, stderr]).toEqual([52, ""]);
});

test("a pipeline is kept from deletion by schedules of all namespaces, those that have times to come", async () => {
  const days = (n: number) => new Date(Date.now() + n * 86_400_000);
  const cron = `0 0 ${days(-30).getUTCDate()} ${days(-30).getUTCMonth() + 1} *`;
  const [startAt, endAt] = [days(-60).toISOString(), days(30).toISOString()];
  const schedule = (name: string, namespace: string, timing: object) => ({
    kind: "Schedule",
    metadata: { name, namespace },
    spec: { pipeline: "clocked@default", cron: "@yearly", ...timing },
  });
  const documents = [
    {
      kind: "Pipeline",
      metadata: { name: "clocked" },
      spec: { stages: [{ name: "main", tasks: [{ name: "dump", job: "dump" }] }] },
    },
    schedule("was-last", "default", { cron, startAt, endAt }),
    schedule("paused-end", "default", { paused: true, endAt: "2020-01-01T00:00:00Z" }),
    schedule("away", "elsewhere", { paused: true }),
  ];
  await place.write("clocked.yaml", documents.map((document) => JSON.stringify(document)).join("\n---\n"));
  expect((await place.mflow(["apply", "-f", "clocked.yaml"])).exitCode).toBe(0);
  const kept = await place.mflow(["delete", "pipeline", "clocked", "--dry-run"]);
  expect(kept).toEqual({
    stdout: "",
    stderr:
      "mflow: pipeline clocked stays: schedule away@elsewhere.default starts it\nDelete the schedule first, or let it start another pipeline.\n",
    exitCode: 2,
  });
  expect((await place.mflow(["delete", "pipeline", "clocked"])).stderr).toContain(
    "Schedule away@elsewhere.default starts pipeline clocked",
  );
  await place.mflow(["delete", "schedule", "away", "-n", "elsewhere"]);
  const would = await place.mflow(["delete", "pipeline", "clocked", "--dry-run"]);
  expect(would).toEqual({ stdout: "pipeline clocked would be deleted\n", stderr: "", exitCode: 0 });
  expect((await place.mflow(["delete", "pipeline", "clocked"])).stdout).toBe("pipeline clocked deleted\n");
});
