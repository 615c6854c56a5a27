// `mflow whoami`: as whom the server knows the caller, and what they may do.

import type { Context } from "../context.ts";
import { grantText } from "./roles.ts";

export async function run(context: Context): Promise<undefined> {
  const { client, url } = await context.connect();
  const me = await client.whoami();
  if (context.documentFormat) return context.printDocument(me);
  context.print(`${me.name}${me.local ? " (local token: the server has no users yet)" : ""}`);
  context.print(`roles   ${me.grants.map(grantText).join(", ") || "none"}`);
  context.print(`server  ${url}, version ${me.version}`);
}
