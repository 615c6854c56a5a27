// A server starts fast and small because it loads what it needs at once and nothing else.

import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { expect, test } from "vitest";

const command = join(import.meta.dirname, "..", "bin", "mflow.js");
const preload = join(import.meta.dirname, "loaded-modules.ts");

/** What a server loads until it listens: URLs of modules, and names of Node's own. */
async function loadedByStart(dataFolder: string): Promise<{ urls: string[]; builtin: string[] }> {
  const args = ["--import", preload, command, "server", "--data", dataFolder, "--port", "0"];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "ignore", "pipe", "pipe"] });
  const loaded = text(child.stdio[3] as NodeJS.ReadableStream);
  let said = "";
  child.stderr?.setEncoding("utf8").on("data", (words: string) => {
    said += words;
    if (said.includes("listens on")) child.kill("SIGTERM");
  });
  const answer = await loaded;
  if (answer === "") throw new Error(`the server did not start: ${said}`);
  return JSON.parse(answer);
}

test("a starting server loads no library that only some of its work needs", async () => {
  const folder = await mkdtemp(join(tmpdir(), "mflow-start-"));
  try {
    const { urls, builtin } = await loadedByStart(folder);
    const libraries = [
      ...["typebox", "kysely", "prom-client", "yaml", "undici", "ajv", "ws", "@kubernetes"],
      ...["standardwebhooks", "nodemailer", "mustache", "croner"],
    ];
    const loaded = libraries.filter((name) => urls.some((url) => url.includes(`/node_modules/${name}/`)));
    // Node's own fetch: an `import` of node:http is enough to load it.
    const fetch = builtin.filter((name) => name.includes("undici"));
    expect({ loaded, fetch }).toEqual({ loaded: [], fetch: [] });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
