// One digest for a whole folder, so that what is deployed can be compared with what was built and decided on:
// `node scripts/digest.ts dist` prints it.

import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** SHA-256 over the names and contents of the files, lower-case hex. */
export function folderDigest(folder: string): string {
  const whole = createHash("sha256");
  for (const file of readdirSync(folder).sort()) {
    const content = createHash("sha256")
      .update(readFileSync(join(folder, file)))
      .digest("hex");
    whole.update(`${content}  ${file}\n`);
  }
  return whole.digest("hex");
}

if (import.meta.main) console.log(folderDigest(process.argv[2] ?? "dist"));
