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

test("the first cluster loads what a connection needs, and nothing of the generated client of Kubernetes", async () => {
  const kubeConfig = join(
    import.meta.dirname,
    "../packages/server/src/runners/kubernetes/api/kube-config.ts",
  );
  const program = `import { kubeConfigOf } from ${JSON.stringify(kubeConfig)};
    const config = await kubeConfigOf({ server: "https://10.0.0.1:6443", token: "t" });
    const options = {};
    await config.applyToHTTPSOptions(options);
    console.log(JSON.stringify(options.headers));`;
  const args = ["--import", preload, "--input-type=module", "-e", program];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit", "pipe"] });
  const [said, loaded] = await Promise.all([
    text(child.stdio[1] as NodeJS.ReadableStream),
    text(child.stdio[3] as NodeJS.ReadableStream),
  ]);
  const { urls } = JSON.parse(loaded) as { urls: string[] };
  expect(JSON.parse(said)).toMatchObject({ Authorization: "Bearer t" });
  expect(urls.some((url) => url.endsWith("/@kubernetes/client-node/dist/config.js"))).toBe(true);
  expect(
    urls.filter((url) => /client-node\/(dist\/gen\/(apis|models)|node_modules\/undici)\//.test(url)),
  ).toEqual([]);
});
