// Settings of a channel as the command line has them: `key=value`, with secrets from files so that neither the history
// of the shell nor the list of processes shows them.

import { splitSetting } from "./read-value.ts";

/** Settings by key; one of `headers` has the key `headers.NAME`. */
export type Settings = Record<string, unknown>;

/** Reads `@file`, `@-` for stdin; anything else is itself. */
export type ReadValue = (text: string) => Promise<string>;

/** Settings that are no text. */
const TYPED: Record<string, (text: string) => unknown> = {
  port: wholeNumber,
  secure: yesOrNo,
  allowPlain: yesOrNo,
};

/** The settings with each `key=value` laid over them; `key=` takes one away. Rejects with a UsageError. */
export async function withSettings(
  before: Settings,
  given: readonly string[],
  read: ReadValue,
): Promise<Settings> {
  const settings: Settings = structuredClone(before);
  for (const setting of given) {
    const [key, value] = splitSetting(setting, "--set from=mflow@example.com");
    const text = await read(value);
    const [, header] = /^headers\.(.+)$/.exec(key) ?? [];
    const place = header === undefined ? settings : { ...(settings.headers as Settings | undefined) };
    const name = header ?? key;
    if (text === "") delete place[name];
    else place[name] = header === undefined ? (TYPED[key]?.(text) ?? text) : text;
    if (header !== undefined) settings.headers = place;
  }
  return settings;
}

/** A number or boolean that does not parse stays text: the server says what is wrong with it. */
function wholeNumber(text: string): unknown {
  return /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}

function yesOrNo(text: string): unknown {
  return { true: true, false: false }[text];
}
