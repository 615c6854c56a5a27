// What a benchmark is, and how its figure is judged: beside the machine's own limit of the same moment,
// because absolute times say little on machines that others use too.

/** One pass: the figure, and the machine's limit for the same work where there is one. */
export interface Pass {
  value: number;
  reference?: number;
}

export interface Benchmark {
  id: string;
  /** What is done, for people. */
  work: string;
  unit: string;
  /** What the reference is, for people. */
  referenceIs?: string;
  goal: string;
  /** Whether the medians reach the goal. */
  reaches(value: number, ratio: number | undefined): boolean;
  /** Takes the figure once. `quick`: less work, for a first look. */
  pass(options: { quick: boolean }): Promise<Pass>;
}

export interface Figure {
  id: string;
  value: number;
  unit: string;
  reference: number | null;
  ratio: number | null;
  goal: string;
  ok: boolean;
}

/** A figure as people read it. */
export function show(value: number): string {
  if (value >= 100) return Math.round(value).toLocaleString("en");
  return value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

/** The middle of some figures. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** The value below which the fraction `p` of the figures lies. */
export function percentile(values: readonly number[], p: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(p * sorted.length) - 1)] ?? Number.NaN;
}

/** Takes all passes of a benchmark; medians of values and of pairwise ratios. */
export async function measure(
  benchmark: Benchmark,
  options: { quick: boolean; passes: number },
): Promise<Figure> {
  const passes: Pass[] = [];
  for (let pass = 0; pass < options.passes; pass++)
    passes.push(await benchmark.pass({ quick: options.quick }));
  const value = median(passes.map((pass) => pass.value));
  const references = passes.flatMap((pass) => (pass.reference === undefined ? [] : [pass.reference]));
  const ratios = passes.flatMap((pass) =>
    pass.reference === undefined ? [] : [pass.value / pass.reference],
  );
  const ratio = ratios.length > 0 ? median(ratios) : undefined;
  return {
    id: benchmark.id,
    value,
    unit: benchmark.unit,
    reference: references.length > 0 ? median(references) : null,
    ratio: ratio ?? null,
    goal: benchmark.goal,
    ok: benchmark.reaches(value, ratio),
  };
}
