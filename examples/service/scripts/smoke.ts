// Asks a running service whether it is the version that it should be, and whether it counts right:
// `node scripts/smoke.ts URL VERSION`. Prints a report in markdown; ends with an error when something is wrong.

const [url = "", version = ""] = process.argv.slice(2);
let failed = false;

/** Fails when the answer lacks one of the expected values. */
async function expect(path: string, expected: Record<string, unknown>): Promise<void> {
  const startedAt = performance.now();
  const answer: Record<string, unknown> = await fetch(url + path, { signal: AbortSignal.timeout(5000) })
    .then((response) => response.json())
    .catch((error: Error) => ({ error: String(error.cause ?? error) }));
  const tookMs = performance.now() - startedAt;
  const good = Object.entries(expected).every(([key, value]) => answer[key] === value);
  failed ||= !good;
  console.log(`| ${good ? "ok" : "WRONG"} | ${path} | ${JSON.stringify(answer)} | ${tookMs.toFixed(1)} ms |`);
}

console.log(`Smoke test of ${version} at ${url}\n\n| | Request | Answer | Took |\n|---|---|---|---|`);
await expect("/health", { status: "ok", version });
await expect("/workdays?from=2026-02-02&to=2026-02-13", { workdays: 10 });
await expect("/workdays?from=2026-02-30&to=2026-03-02", {
  error: '"2026-02-30" is no day; write it like 2026-02-03',
});
if (failed) process.exitCode = 1;
