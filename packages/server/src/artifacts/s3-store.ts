// Artifacts and caches in a bucket of an S3-compatible store. What is longer than a part is sent in parts, one after
// another, so that memory holds one of them; the object is seen when all are there.

import { Readable } from "node:stream";
import type { ReadableStream } from "node:stream/web";
import { MflowError } from "@mflow/core/errors";
import { S3mini, S3ServiceError } from "s3mini";
import { type ArtifactStore, checkedKey } from "./artifact-store.ts";
import { counted } from "./counted.ts";
import type { S3Place } from "./s3-url.ts";

/** Bytes of a part; at most 10,000 parts make an object. */
const PART = 16 * 1024 * 1024;
const PAGE = 1000;
/** A call that neither ends nor goes on; the bytes of a part take their time. */
const TIMEOUT_MS = 5 * 60_000;
const TRIES = 3;

export interface S3Keys {
  accessKeyId: string;
  secretAccessKey: string;
}

export function openS3Store(place: S3Place, keys: S3Keys, partBytes = PART): ArtifactStore {
  const client = new S3mini({
    ...keys,
    endpoint: `${place.endpoint}/${place.bucket}`,
    region: place.region,
    requestAbortTimeout: TIMEOUT_MS,
  });
  const full = (key: string) => place.prefix + checkedKey(key);
  const called = <T>(call: () => Promise<T>) => tried(call, place);

  async function putParts(key: string, parts: AsyncIterable<Buffer>): Promise<void> {
    const { first, rest } = await split(parts);
    if (!rest) {
      await called(() => client.putObject(key, first, "application/octet-stream"));
      return;
    }
    const upload = await called(() => client.getMultipartUploadId(key, "application/octet-stream"));
    try {
      const sent = [await called(() => client.uploadPart(key, upload, first, 1))];
      for await (const part of rest) {
        sent.push(await called(() => client.uploadPart(key, upload, part, sent.length + 1)));
      }
      await called(() => client.completeMultipartUpload(key, upload, sent));
    } catch (error) {
      await client.abortMultipartUpload(key, upload).catch(() => {});
      throw error;
    }
  }

  return {
    async put(key, bytes, limit) {
      const name = full(key);
      const { bytes: through, stored } = counted(bytes, limit);
      await putParts(name, inParts(through, partBytes));
      return stored();
    },
    async get(key, range) {
      const name = full(key);
      const response = await called(() =>
        range === undefined
          ? client.getObjectRaw(name)
          : client.getObjectRaw(name, false, range.from, range.to === undefined ? undefined : range.to + 1),
      ).catch((error: unknown) => {
        throw statusOf(error) === 404
          ? new MflowError("NOT_FOUND", `the bytes of ${key} are not there`)
          : error;
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
      await called(() => client.deleteObject(name)).catch((error: unknown) => {
        if (statusOf(error) !== 404) throw error;
      });
    },
  };
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

function statusOf(error: unknown): number | undefined {
  if (error instanceof S3ServiceError) return error.status;
  const { cause } = error as { cause?: unknown };
  return cause === undefined ? undefined : statusOf(cause);
}

function isBucketMissing(error: unknown): boolean {
  if (error instanceof S3ServiceError) return error.code === "NoSuchBucket";
  const { cause } = error as { cause?: unknown };
  return cause !== undefined && isBucketMissing(cause);
}

/** Calls again when that may help. What the service refuses is UNAVAILABLE: keys or bucket are set up wrongly. */
async function tried<T>(call: () => Promise<T>, { endpoint, bucket }: S3Place): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await call();
    } catch (error) {
      const status = statusOf(error);
      if (status === 404 && !isBucketMissing(error)) throw error;
      const mayHelp = status === undefined || status >= 500 || status === 429;
      if (!mayHelp || tries === TRIES) {
        const reason = error instanceof Error ? error.message : String(error);
        throw new MflowError(
          "UNAVAILABLE",
          `the store of artifacts, bucket ${bucket} at ${endpoint}: ${reason}`,
        );
      }
      await new Promise((wake) => setTimeout(wake, 100 * 4 ** tries));
    }
  }
}
