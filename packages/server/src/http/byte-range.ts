// Downloads in part: `Range: bytes=...` of one range, as clients use it to go on where they broke off.

import { MflowError } from "@mflow/core/errors";

/** First and last byte, both counted, from 0. */
export interface WholeRange {
  from: number;
  to: number;
}

/**
 * The part that is asked for; nothing when it is the whole, and for what is not understood, as HTTP wants it. Throws
 * BAD_REQUEST for a part that is not there.
 */
export function parseRange(header: string | undefined, size: number): WholeRange | undefined {
  const [, first = "", last = ""] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header?.trim() ?? "") ?? [];
  if (first === "" && last === "") return undefined;
  const from = first === "" ? Math.max(size - Number(last), 0) : Number(first);
  const to = first === "" || last === "" ? size - 1 : Math.min(Number(last), size - 1);
  if (from <= to) return { from, to };
  throw new MflowError("BAD_REQUEST", `Range: ${header} is not part of the ${size} bytes.`);
}
