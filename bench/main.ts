// `npm run bench [-- --json] [-- --quick] [-- ID ...]`: takes every figure of the performance page, each beside
// the machine's limit of the same run. Exit code 0 also when a goal is missed: a figure is not a test.

import { parseArgs } from "node:util";
import { type Figure, measure, show } from "./benchmark.ts";
import { suites } from "./suites.ts";

function row(cells: readonly string[]): string {
  const widths = [18, 12, 9, 12, 7, 0];
  return cells
    .map((cell, index) =>
      index === 0 || index === 2 || index === 5
        ? cell.padEnd(widths[index] ?? 0)
        : cell.padStart(widths[index] ?? 0),
    )
    .join("  ")
    .trimEnd();
}

function rowOf(figure: Figure): string {
  return row([
    figure.id,
    show(figure.value),
    figure.unit,
    figure.reference === null ? "" : show(figure.reference),
    figure.ratio === null ? "" : show(figure.ratio),
    `${figure.ok ? "ok   " : "MISS "} ${figure.goal}`,
  ]);
}

/** What stands beside the figure, a line each. */
function linesBeside({ ratios, beside }: Figure): string[] {
  const lines = Object.entries(beside).map(([what, value]) => `${what}: ${show(value)}`);
  if (ratios && lines.length > 0) lines.push(`ratio of each pass: ${ratios.map(show).join(" to ")}`);
  return lines.map((line) => `    ${line}`);
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    options: { json: { type: "boolean" }, quick: { type: "boolean" } },
    allowPositionals: true,
  });
  const quick = values.quick ?? false;
  const figures: Figure[] = [];
  if (!values.json) console.log(row(["id", "value", "unit", "reference", "ratio", "goal"]));
  for (const load of suites) {
    const { benchmarks, close } = await load();
    for (const benchmark of benchmarks) {
      if (positionals.length > 0 && !positionals.includes(benchmark.id)) continue;
      const missing = benchmark.missing?.();
      if (missing !== undefined) {
        console.error(`${benchmark.id} is left out: ${missing}`);
        continue;
      }
      const figure = await measure(benchmark, { quick });
      figures.push(figure);
      if (!values.json) console.log([rowOf(figure), ...linesBeside(figure)].join("\n"));
    }
    await close?.();
  }
  if (values.json) console.log(JSON.stringify({ benchmarks: figures }));
}

await main();
