// An object that is sent in parts, one after another, so that memory holds one of them; it is seen when all are there.

import type { S3mini } from "s3mini";
import { isMissing, S3BodyError } from "./s3-calls.ts";

const TYPE = "application/octet-stream";

/** Sends the parts, the second one on as they come. When it rejects the store keeps nothing of them. */
export async function uploadInParts(
  client: S3mini,
  key: string,
  first: Buffer,
  rest: AsyncIterable<Buffer>,
  called: <T>(call: (tries: number) => Promise<T>) => Promise<T>,
): Promise<void> {
  const upload = await called(() => client.getMultipartUploadId(key, TYPE));
  let size = 0;
  const sendPart = (part: Buffer, number: number) => {
    size += part.length;
    return called(() => client.uploadPart(key, upload, part, number));
  };
  try {
    const sent = [await sendPart(first, 1)];
    for await (const part of rest) sent.push(await sendPart(part, sent.length + 1));
    await called(async (tries) => {
      try {
        checkEnd(await client.completeMultipartUpload(key, upload, sent));
      } catch (error) {
        // The answer to an earlier try was lost, but not the try.
        if (tries === 1 || !isMissing(error) || (await sizeOf(client, key)) !== size) throw error;
      }
    });
  } catch (error) {
    // What is left of it when this fails too is removed with what a killed server left.
    await client.abortMultipartUpload(key, upload).catch(() => {});
    throw error;
  }
}

/** The service begins to answer with 200 before it knows whether it can put the parts together. */
function checkEnd(answer: object): void {
  const { etag, Error: failure } = answer as { etag?: string; Error?: { Code?: string } };
  if (failure || !etag) throw new S3BodyError(failure?.Code ?? "an answer without an ETag");
}

async function sizeOf(client: S3mini, key: string): Promise<number | undefined> {
  const page = await client.listObjectsPaged("/", key, 1);
  const found = page?.objects?.find(({ Key }) => Key === key);
  return found && Number(found.Size);
}

/** An upload that has not ended. */
export interface OpenUpload {
  key: string;
  uploadId: string;
  /** Milliseconds since the epoch. */
  startedAt: number;
}

export interface OpenUploads {
  uploads: OpenUpload[];
  /** What tells the next page. */
  next?: Record<string, string>;
}

/** One page of the uploads below a prefix that have not ended. */
export async function openUploads(
  client: S3mini,
  prefix: string,
  after: Record<string, string> = {},
): Promise<OpenUploads> {
  const answer = (await client.listMultipartUploads("/", "", "GET", { prefix, ...after })) as Answer;
  const page = answer.ListMultipartUploadsResult ?? answer;
  const rows = [page.Upload ?? []].flat();
  const uploads = rows.map(({ Key, UploadId, Initiated }) => ({
    key: Key,
    uploadId: UploadId,
    startedAt: new Date(Initiated).getTime(),
  }));
  if (page.IsTruncated !== "true" || !page.NextKeyMarker) return { uploads };
  const next = { "key-marker": page.NextKeyMarker, "upload-id-marker": page.NextUploadIdMarker ?? "" };
  return { uploads, next };
}

interface Page {
  Upload?: UploadRow | UploadRow[];
  IsTruncated?: string;
  NextKeyMarker?: string;
  NextUploadIdMarker?: string;
}

interface UploadRow {
  Key: string;
  UploadId: string;
  Initiated: string;
}

type Answer = Page & { ListMultipartUploadsResult?: Page };
