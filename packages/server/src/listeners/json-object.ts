// The bodies of platforms' answers, which are JSON objects unless something else answered.

import { isMap } from "@mflow/core/is-map";

/** The object that a text is in JSON; undefined for all else. */
export function jsonObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isMap(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
