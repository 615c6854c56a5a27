// Artifacts and caches in a bucket of an S3-compatible store. What is longer than a part is sent in parts.

import { Readable } from "node:stream";
import type { ReadableStream } from "node:stream/web";
import { MflowError } from "@mflow/core/errors";
import { S3mini } from "s3mini";
import { type ArtifactStore, checkedKey } from "./artifact-store.ts";
import { counted } from "./counted.ts";
import { isMissing, isUnsupported, tried, unavailable } from "./s3-calls.ts";
import { type OpenUploads, openUploads, uploadInParts } from "./s3-upload.ts";
import type { S3Place } from "./s3-url.ts";

/** Bytes of a part; at most 10,000 parts make an object. */
const PART = 16 * 1024 * 1024;
const PAGE = 1000;
/** A call that sends: the bytes of a part take their time. One that reads ends when nothing comes for so long. */
const CALL_MS = 5 * 60_000;
const BACKOFF_MS = 400;

export interface S3Keys {
  accessKeyId: string;
  secretAccessKey: string;
}

export interface S3Options {
  /** Bytes of a part. */
  partBytes?: number;
  /** A call that sends ends after so long, milliseconds. */
  callMs?: number;
  /** Before the second try, milliseconds. */
  backoffMs?: number;
}

export function openS3Store(place: S3Place, keys: S3Keys, options: S3Options = {}): ArtifactStore {
  const { partBytes = PART, callMs = CALL_MS, backoffMs = BACKOFF_MS } = options;
  const client = new S3mini({
    ...keys,
    endpoint: `${place.endpoint}/${place.bucket}`,
    region: place.region,
    fetch: (input, init) => fetch(input, limited(init, callMs)),
  });
  const full = (key: string) => place.prefix + checkedKey(key);
  const called = <T>(call: (tries: number) => Promise<T>) => tried(call, place, backoffMs);

  async function putParts(key: string, parts: AsyncIterable<Buffer>): Promise<void> {
    const { first, rest } = await split(parts);
    if (rest) await uploadInParts(client, key, first, rest, called);
    else await called(() => client.putObject(key, first, "application/octet-stream"));
  }

  return {
    async put(key, bytes, limit) {
      const name = full(key);
      const { bytes: through, stored } = counted(bytes, limit);
      await putParts(name, inParts(through, partBytes)).catch((error: unknown) => {
        // An upload that somebody else ended, e.g. a rule of the bucket.
        throw isMissing(error) || isUnsupported(error) ? unavailable(error, place) : error;
      });
      return stored();
    },
    async get(key, range) {
      const name = full(key);
      const response = await called(() =>
        range === undefined
          ? client.getObjectRaw(name)
          : client.getObjectRaw(name, false, range.from, range.to === undefined ? undefined : range.to + 1),
      ).catch((error: unknown) => {
        throw isMissing(error) ? new MflowError("NOT_FOUND", `the bytes of ${key} are not there`) : error;
      });
      if (!response.body) return Readable.from([]);
      return Readable.fromWeb(response.body as ReadableStream);
    },
    async stat(key) {
      const name = full(key);
      const page = await called(() => client.listObjectsPaged("/", name, 1));
      const found = page?.objects?.find(({ Key }) => Key === name);
      return found && { size: Number(found.Size), storedAt: new Date(found.LastModified).getTime() };
    },
    async *list(prefix) {
      let token: string | undefined;
      do {
        const page = await called(() => client.listObjectsPaged("/", place.prefix + prefix, PAGE, token));
        for (const { Key, Size, LastModified } of page?.objects ?? []) {
          const key = Key.slice(place.prefix.length);
          yield { key, size: Number(Size), storedAt: new Date(LastModified).getTime() };
        }
        token = page?.nextContinuationToken;
      } while (token);
    },
    async remove(key) {
      const name = full(key);
      await called(() => client.deleteObject(name)).catch(unlessMissing);
    },
    async removeUnfinished(prefix, before) {
      let after: Record<string, string> | undefined = {};
      while (after) {
        const page: OpenUploads | undefined = await called(() =>
          openUploads(client, place.prefix + prefix, after),
        ).catch(unlessUnsupported);
        for (const { key, uploadId, startedAt } of page?.uploads ?? []) {
          if (startedAt >= before) continue;
          await called(() => client.abortMultipartUpload(key, uploadId)).catch(unlessMissing);
        }
        after = page?.next;
      }
    },
  };
}

function unlessMissing(error: unknown): undefined {
  if (!isMissing(error)) throw error;
}

function unlessUnsupported(error: unknown): undefined {
  if (!isUnsupported(error)) throw error;
}

/** A download may take long, as long as something comes: `fetch` itself ends one that stands still. */
function limited(init: RequestInit | undefined, callMs: number): RequestInit | undefined {
  return init?.method === "GET" ? init : { ...init, signal: AbortSignal.timeout(callMs) };
}

/** Bytes in parts of one size; the last one may be shorter, and the only one empty. */
async function* inParts(bytes: AsyncIterable<Uint8Array>, size: number): AsyncGenerator<Buffer> {
  let waiting: Uint8Array[] = [];
  let length = 0;
  let isFirst = true;
  for await (const chunk of bytes) {
    for (let from = 0; from < chunk.length; ) {
      const piece = chunk.subarray(from, from + size - length);
      waiting.push(piece);
      length += piece.length;
      from += piece.length;
      if (length < size) continue;
      yield Buffer.concat(waiting);
      isFirst = false;
      waiting = [];
      length = 0;
    }
  }
  if (length > 0 || isFirst) yield Buffer.concat(waiting);
}

/** The first part, and the others when there are any. */
async function split(parts: AsyncIterable<Buffer>): Promise<{ first: Buffer; rest?: AsyncIterable<Buffer> }> {
  const iterator = parts[Symbol.asyncIterator]();
  const first = (await iterator.next()).value as Buffer;
  const second = await iterator.next();
  if (second.done) return { first };
  async function* rest(): AsyncGenerator<Buffer> {
    yield second.value as Buffer;
    for (let next = await iterator.next(); !next.done; next = await iterator.next()) yield next.value;
  }
  return { first, rest: rest() };
}
