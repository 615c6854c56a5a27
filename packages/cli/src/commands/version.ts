// `mflow version`.

import manifest from "../../package.json" with { type: "json" };
import type { Context } from "../context.ts";

export async function run(context: Context): Promise<undefined> {
  const { version } = manifest;
  if (context.documentFormat) return context.printDocument({ version, node: process.version });
  context.print(`mflow ${version} (Node ${process.version})`);
}
