// Writes docs/reference/ from the code, so that the reference cannot say something else than what runs:
// `npm run docs`. e2e/docs.test.ts fails when a page is not what this would write.

import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { cataloguePages } from "./docs/catalogue-pages.ts";
import { cliPage } from "./docs/cli-page.ts";
import { httpPage, servedDocument } from "./docs/http-page.ts";
import { registerSchemas, schemaPages } from "./docs/schema-pages.ts";
import { KnownSchemas } from "./docs/schema-text.ts";
import { settingsPage } from "./docs/settings-page.ts";

export const REFERENCE_FOLDER = join(dirname(dirname(fileURLToPath(import.meta.url))), "docs", "reference");

/** All pages of the reference by file name. Throws when something in the code is left without a description. */
export async function referencePages(): Promise<Map<string, string>> {
  const known = new KnownSchemas();
  registerSchemas(known);
  return new Map([
    ...schemaPages(known),
    ...cataloguePages(known),
    ["cli.md", cliPage()],
    ["settings.md", settingsPage()],
    ["http.md", httpPage(await servedDocument(), known)],
  ]);
}

/** Writes the pages, and removes those that are no longer made. */
async function writePages(): Promise<void> {
  const pages = await referencePages();
  await mkdir(REFERENCE_FOLDER, { recursive: true });
  for (const name of await readdir(REFERENCE_FOLDER)) {
    if (!pages.has(name)) await rm(join(REFERENCE_FOLDER, name));
  }
  for (const [name, text] of pages) await writeFile(join(REFERENCE_FOLDER, name), text);
  console.log(`docs/reference: ${pages.size} pages`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await writePages();
