// The answer that hands out stored bytes: with their hash as ETag, in part when that is asked for.

import type { Readable } from "node:stream";
import type { FastifyRequest } from "fastify";
import { parseRange, type WholeRange } from "./byte-range.ts";
import type { Answer } from "./route.ts";

export interface Download {
  /** As the browser saves it. */
  fileName: string;
  contentType: string;
  size: number;
  sha256: string;
  headers?: Record<string, string>;
  open(range?: WholeRange): Promise<Readable>;
}

/** Throws BAD_REQUEST for a part that is not there. */
export async function downloadAnswer(
  { headers: asked }: FastifyRequest,
  download: Download,
): Promise<Answer> {
  const { fileName, contentType, size, sha256, headers = {}, open } = download;
  const etag = `"${sha256}"`;
  const common = { ETag: etag, "Accept-Ranges": "bytes", ...headers };
  if (asked["if-none-match"]?.split(",").some((tag) => tag.trim() === etag)) {
    return { status: 304, headers: common };
  }
  // Of other bytes no part is wanted.
  const isSame = asked["if-range"] === undefined || asked["if-range"] === etag;
  const range = isSame ? parseRange(asked.range, size) : undefined;
  return {
    status: range ? 206 : 200,
    body: await open(range),
    headers: {
      ...common,
      "Content-Type": contentType,
      "Content-Length": String(range ? range.to - range.from + 1 : size),
      "Content-Disposition": `attachment; filename="${asciiName(fileName)}"; filename*=UTF-8''${encodeURIComponent(fileName)}`,
      ...(range && { "Content-Range": `bytes ${range.from}-${range.to}/${size}` }),
    },
  };
}

function asciiName(name: string): string {
  return name.replace(/[^\x20-\x7e]|["\\]/g, "_");
}
