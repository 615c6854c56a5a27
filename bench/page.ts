// `node bench/page.ts`: takes all figures and writes them into docs/performance.md, with when and where they were
// taken. The text around the table is written by people.

import { spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus, loadavg, totalmem } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { type Benchmark, type Figure, show } from "./benchmark.ts";
import { suites } from "./suites.ts";

const PAGE = join(import.meta.dirname, "..", "docs", "performance.md");
const BEGIN = "<!-- figures: written by `node bench/page.ts` -->";
const END = "<!-- end of figures -->";

/** What others need for the same work on such a machine. */
const others: Record<string, string> = {
  "engine.noop.r": "BullMQ with fsync 1,900; Restate 1,340; DBOS on PostgreSQL 690",
  "engine.noop.s": "graphile-worker 125; Restate 177; DBOS 217",
  "shell.serial": "DBOS 333; gitlab-ci-local 2,890; Buildbot 5,140",
  "shell.parallel": "graphile-worker 309; BullMQ 154; gitlab-ci-local 69; Buildbot 4",
  "idle.rss": "DBOS 65; Restate 274 + 71; Buildbot 95 + 49",
  "idle.rss10k": "DBOS 200",
};

/** All figures, taken by a process of their own, so that this one adds nothing to them. */
async function takeFigures(): Promise<Figure[]> {
  const args = [join(import.meta.dirname, "main.ts"), "--json"];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  const { benchmarks } = JSON.parse(await text(child.stdout)) as { benchmarks: Figure[] };
  return benchmarks;
}

async function allBenchmarks(): Promise<Map<string, Benchmark>> {
  const loaded = await Promise.all(suites.map((load) => load()));
  return new Map(loaded.flatMap(({ benchmarks }) => benchmarks.map((one) => [one.id, one])));
}

function rowOf(figure: Figure, benchmark: Benchmark): string {
  const { id, value, unit, reference, ratio, goal, ok } = figure;
  const limit = reference === null ? "" : `${show(reference)} (${benchmark.referenceIs})`;
  const cells = [
    `\`${id}\``,
    benchmark.work,
    `**${show(value)} ${unit}**`,
    limit,
    ratio === null ? "" : show(ratio),
    `${goal}${ok ? "" : " **missed**"}`,
    others[id] ?? "",
  ];
  return `| ${cells.join(" | ")} |`;
}

/** What stands beside the figure, as an item of a list. */
function itemsOf({ id, ratios, beside }: Figure): string[] {
  const figures = Object.entries(beside).map(([what, value]) => `${what} ${show(value)}`);
  if (figures.length === 0) return [];
  if (ratios) figures.push(`ratio of each pass ${ratios.map(show).join(" to ")}`);
  return [`- \`${id}\`: ${figures.join("; ")}.`];
}

function loads(): string {
  return loadavg().slice(0, 2).map(show).join(" and ");
}

const before = loads();
const figures = await takeFigures();
const after = loads();
const benchmarks = await allBenchmarks();
const section = [
  BEGIN,
  "",
  `Taken on ${new Date().toISOString().slice(0, 10)} by \`npm run bench -- --json\` with Node ${process.version} on`,
  `${availableParallelism()} CPUs (${cpus()[0]?.model.trim()}) and ${Math.round(totalmem() / 2 ** 30)} GiB. Load of the machine over`,
  `one and five minutes: ${before} before, ${after} after.`,
  "",
  "| Id | Work | Here | Limit of the machine | Ratio | Goal | Others |",
  "|---|---|---|---|---|---|---|",
  ...figures.map((figure) => rowOf(figure, benchmarks.get(figure.id) as Benchmark)),
  "",
  ...figures.flatMap(itemsOf),
  "",
  END,
].join("\n");
const page = readFileSync(PAGE, "utf8");
const start = page.indexOf(BEGIN);
const end = page.indexOf(END);
if (start < 0 || end < start) throw new Error(`${PAGE} has no place for figures`);
writeFileSync(PAGE, page.slice(0, start) + section + page.slice(end + END.length));
