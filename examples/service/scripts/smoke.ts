// Asks a running service whether it is the version that it should be, and whether it counts right:
// `node scripts/smoke.ts URL VERSION`. Prints a report in markdown; ends with an error when something is wrong.

type Answer = Record<string, unknown>;

const [url = "", version = ""] = process.argv.slice(2);

async function ask(path: string): Promise<Answer> {
  try {
    const response = await fetch(url + path, { signal: AbortSignal.timeout(5000) });
    return (await response.json()) as Answer;
  } catch (error) {
    return { unanswered: String(error) };
  }
}

/** Fails when the answer lacks one of the expected values. */
async function expect(path: string, expected: Answer): Promise<void> {
  const startedAt = performance.now();
  const answer = await ask(path);
  const took = `${(performance.now() - startedAt).toFixed(1)} ms`;
  const good = Object.entries(expected).every(([key, value]) => answer[key] === value);
  if (!good) process.exitCode = 1;
  console.log(`- ${good ? "ok" : "WRONG"}: ${path} (${took}): ${JSON.stringify(answer)}`);
}

console.log(`Smoke test of ${version} at ${url}\n`);
await expect("/health", { status: "ok", version });
await expect("/workdays?from=2026-02-02&to=2026-02-13", { workdays: 10 });
await expect("/workdays?from=soon&to=2026-02-13", { error: '"soon" is no day; write it like 2026-02-03' });

export {};
