// What a benchmark is, and how its figure is judged: beside the machine's own limit of the same moment,
// because absolute times say little on machines that others use too.

/** One pass: the figure, and the machine's limit for the same work where there is one. */
export interface Pass {
  value: number;
  reference?: number;
  /** Other figures of the same pass, in the same unit unless their names say another: by what they are, for people. */
  beside?: Readonly<Record<string, number>>;
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
  /** How often it is taken when not in a hurry; default 3. More for what varies much. */
  passes?: number;
  /** A sentence what is missing here for it; it is left out then. */
  missing?(): string | undefined;
  /** Takes the figure once. `quick`: less work, for a first look. */
  pass(options: { quick: boolean }): Promise<Pass>;
}

export interface Figure {
  id: string;
  value: number;
  unit: string;
  reference: number | null;
  ratio: number | null;
  /** Lowest and highest ratio of the passes. */
  ratios: [number, number] | null;
  goal: string;
  ok: boolean;
  /** Medians of the figures beside it. */
  beside: Record<string, number>;
}

const PASSES = 3;

/** A figure as people read it. */
export function show(value: number): string {
  if (value >= 100) return Math.round(value).toLocaleString("en");
  return value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

/** The middle of some figures. */
function median(values: readonly number[]): number {
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

/** Takes all passes of a benchmark, or one when it is to be `quick`; medians of values and of pairwise ratios. */
export async function measure(benchmark: Benchmark, { quick }: { quick: boolean }): Promise<Figure> {
  const passes: Pass[] = [];
  const count = quick ? 1 : (benchmark.passes ?? PASSES);
  for (let pass = 0; pass < count; pass++) passes.push(await benchmark.pass({ quick }));
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
    ratios: ratios.length > 1 ? [Math.min(...ratios), Math.max(...ratios)] : null,
    goal: benchmark.goal,
    ok: benchmark.reaches(value, ratio),
    beside: mediansOf(passes.map(({ beside = {} }) => beside)),
  };
}

/** Of a figure that a pass does not have: of the other passes. */
function mediansOf(passes: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const names = new Set(passes.flatMap(Object.keys));
  return Object.fromEntries(
    [...names].map((name) => [name, median(passes.flatMap((pass) => pass[name] ?? []))]),
  );
}
