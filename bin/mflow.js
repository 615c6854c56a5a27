#!/usr/bin/env node
// The command as the shell finds it. Plain JavaScript for any Node from 20 on: mflow itself needs Node 24,
// so an older one starts the Node 24 that is installed beside mflow and stands in for it.

import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import module, { createRequire } from "node:module";
import { constants } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const NEEDED = 24;
const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

if (Number(process.versions.node.split(".")[0]) >= NEEDED) {
  silenceExperimentalWarnings();
  // Stripping types takes longer than most commands; what is stripped once is kept beside the code, where only
  // those can write who can change the code itself.
  module.enableCompileCache(join(ROOT, "node_modules", ".cache", "mflow"));
  await import("../packages/cli/src/main.ts");
} else {
  runUnderNewerNode();
}

/** Node warns of parts that mflow uses on purpose (type stripping, node:sqlite); other warnings stay. */
function silenceExperimentalWarnings() {
  const emit = process.emitWarning;
  process.emitWarning = (warning, ...rest) => {
    const type = typeof rest[0] === "object" ? rest[0]?.type : rest[0];
    if (type === "ExperimentalWarning" || warning?.name === "ExperimentalWarning") return;
    emit.call(process, warning, ...rest);
  };
}

function runUnderNewerNode() {
  const node = installedNode();
  if (node === undefined) {
    console.error(
      `mflow: needs Node ${NEEDED} or newer; this is ${process.version}\n` +
        `Install Node ${NEEDED}, or run \`npm ci\` in ${ROOT}, which brings its own.`,
    );
    process.exit(2);
  }
  const child = spawn(node, process.argv.slice(1), { stdio: "inherit" });
  // A terminal sends its signals to both; the child takes two at once for one.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"])
    process.on(signal, () => child.kill(signal));
  child.on("error", (error) => {
    console.error(`mflow: cannot start ${node}: ${error.message}`);
    process.exit(2);
  });
  child.on("exit", (code, signal) => {
    process.exit(code ?? 128 + (signal === null ? 0 : constants.signals[signal]));
  });
}

/** The binary of the `node` package, wherever the installation of mflow finds it. */
function installedNode() {
  try {
    const manifest = createRequire(import.meta.url).resolve("node/package.json");
    const binary = join(dirname(manifest), "bin", process.platform === "win32" ? "node.exe" : "node");
    return existsSync(binary) ? binary : undefined;
  } catch {
    return undefined;
  }
}
