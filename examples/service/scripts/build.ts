// Builds the service: `dist/` gets the sources with their types stripped, and a version.json that says what it is.
// APP_VERSION and GIT_COMMIT_ID come from whoever builds.

import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { dirname, join } from "node:path";
import { folderDigest } from "./digest.ts";

const { APP_VERSION = "unversioned", GIT_COMMIT_ID = "unknown" } = process.env;
const root = dirname(import.meta.dirname);
const source = join(root, "src");
const target = join(root, "dist");

rmSync(target, { recursive: true, force: true });
mkdirSync(target);
for (const file of readdirSync(source).sort()) {
  const code = stripTypeScriptTypes(readFileSync(join(source, file), "utf8"));
  const built = file.replace(/\.ts$/, ".js");
  // The built files import each other, not the sources.
  writeFileSync(join(target, built), code.replace(/(from "\.[^"]*)\.ts"/g, '$1.js"'));
  console.log(`src/${file} -> dist/${built}`);
}
write("package.json", { type: "module" });
write("version.json", { version: APP_VERSION, commit: GIT_COMMIT_ID, node: process.version });
console.log(`built ${APP_VERSION}, digest ${folderDigest(target)}`);

function write(file: string, content: unknown): void {
  writeFileSync(join(target, file), `${JSON.stringify(content, null, 2)}\n`);
}
