// `mflow whoami`: as whom the server knows the caller, what they may do, and whether the server is drained.

import type { Context } from "../context.ts";
import { awayText } from "./away.ts";
import { addressText } from "./kind-columns.ts";
import { drainText } from "./pause.ts";
import { grantText } from "./roles.ts";

export async function run(context: Context): Promise<undefined> {
  const { client, url } = await context.connect();
  const me = await client.whoami();
  if (context.documentFormat) return context.printDocument(me);
  context.print(`${me.name}${me.local ? " (local token: the server has no users yet)" : ""}`);
  context.print(`roles   ${me.grants.map(grantText).join(", ") || "none"}`);
  const { language, standsInFor = [] } = me;
  const addresses = addressText(me);
  if (addresses) context.print(`reached ${addresses}`);
  if (language) context.print(`reads   ${language === "zh" ? "简体中文" : "English"}`);
  if (me.away) context.print(`now     ${awayText(me)}`);
  if (standsInFor.length > 0) context.print(`stands  in for ${standsInFor.join(", ")}`);
  context.print(`server  ${url}, version ${me.version}`);
  const { paused } = await client.server.get();
  if (paused) context.print(`        ${drainText(paused)}`);
}
