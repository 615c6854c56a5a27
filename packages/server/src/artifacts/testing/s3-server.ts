// A server that speaks S3, in this process, for tests. s3rver keeps the bytes; what it leaves out is done before it: the
// signature of each request is checked, and uploads in parts can be listed and ended. It can be told to fail.

import { existsSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { S3mini } from "s3mini";
import type { S3Place } from "../s3-url.ts";
import { signatureProblem } from "./s3-signature.ts";

/** The part of s3rver that is used; it brings no types. */
interface S3rver {
  callback(): RequestListener;
  logger: { exceptions: { unhandle(): void }; close(): void };
}

/** The keys that the server knows. */
export const S3_KEYS = { accessKeyId: "S3RVER", secretAccessKey: "S3RVER" };
const REGION = "us-east-1";

/** What becomes of a request; `serve` does what was asked. */
export type Fault = (request: IncomingMessage, response: ServerResponse, serve: () => void) => void;

export interface S3Server {
  /** A new bucket; keys lie below the prefix, which is empty or ends with `/`. */
  newPlace(prefix: string): Promise<S3Place>;
  /** The next requests whose method and address fit, e.g. `PUT .*partNumber=2`, meet these faults, one after another. */
  fail(what: RegExp, ...faults: Fault[]): void;
  /** Method and address of what came since `newPlace`, in order. */
  readonly requests: readonly string[];
  /** The keys of uploads in parts that have not ended. */
  openUploads(bucket: string): string[];
  close(): Promise<void>;
}

/** A refusal as S3 words it. */
export function refused(status: number, code: string): Fault {
  return (request, response) => {
    request.resume().on("end", () => refuse(response, status, code));
  };
}

/** The connection breaks before anything was done. */
export const broken: Fault = (request) => void request.socket.destroy();

/** It is done, but nobody hears of it. */
export const unheard: Fault = (request, response, serve) => {
  response.write = () => true;
  response.end = () => {
    request.socket.destroy();
    return response;
  };
  serve();
};

export async function startS3Server(): Promise<S3Server> {
  const S3rver = createRequire(import.meta.url)("s3rver") as new (options: object) => S3rver;
  const directory = await mkdtemp(join(tmpdir(), "mflow-s3-"));
  const inner = new S3rver({ directory, silent: true });
  const serve = inner.callback();
  const uploadsOf = (bucket: string) => join(directory, bucket, "._S3rver_uploads");
  const requests: string[] = [];
  const faults: { what: RegExp; fault: Fault }[] = [];

  function answer(request: IncomingMessage, response: ServerResponse): void {
    const problem = signatureProblem(request, { keys: S3_KEYS, region: REGION });
    if (problem !== undefined) {
      refused(403, problem)(request, response, () => {});
      return;
    }
    const url = new URL(request.url ?? "", "http://s3");
    const bucket = url.pathname.split("/")[1] ?? "";
    const upload = url.searchParams.get("uploadId");
    if (request.method === "GET" && url.searchParams.has("uploads")) {
      listUploads(response, uploadsOf(bucket), url.searchParams);
      return;
    }
    if (upload !== null && !existsSync(join(uploadsOf(bucket), upload))) {
      refused(404, "NoSuchUpload")(request, response, () => {});
      return;
    }
    if (upload !== null && request.method === "DELETE") {
      rmSync(join(uploadsOf(bucket), upload), { recursive: true });
      response.writeHead(204).end();
      return;
    }
    serve(request, response);
  }

  const server = createServer((request, response) => {
    const line = `${request.method} ${request.url}`;
    requests.push(line);
    const index = faults.findIndex(({ what }) => what.test(line));
    const [found] = index < 0 ? [] : faults.splice(index, 1);
    if (found) found.fault(request, response, () => answer(request, response));
    else answer(request, response);
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  let buckets = 0;
  return {
    requests,
    async newPlace(prefix) {
      const bucket = `bucket-${++buckets}`;
      await new S3mini({ ...S3_KEYS, endpoint: `${endpoint}/${bucket}`, region: REGION }).createBucket();
      requests.length = 0;
      faults.length = 0;
      return { bucket, prefix, endpoint, region: REGION };
    },
    fail: (what, ...all) => void faults.push(...all.map((fault) => ({ what, fault }))),
    openUploads: (bucket) => idsOf(uploadsOf(bucket)).map((id) => keyOf(uploadsOf(bucket), id)),
    async close() {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
      inner.logger.exceptions.unhandle();
      inner.logger.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

function idsOf(uploads: string): string[] {
  return existsSync(uploads) ? readdirSync(uploads).sort() : [];
}

function keyOf(uploads: string, id: string): string {
  return readFileSync(join(uploads, id, "key"), "utf8");
}

/** Two at a time, so that who asks has to ask for the next page. */
function listUploads(response: ServerResponse, uploads: string, query: URLSearchParams): void {
  const place = (key: string, id: string) => `${key} ${id}`;
  const after = place(query.get("key-marker") ?? "", query.get("upload-id-marker") ?? "");
  const found = idsOf(uploads)
    .map((id) => ({ id, key: keyOf(uploads, id), at: statSync(join(uploads, id, "key")).mtime }))
    .filter(({ id, key }) => key.startsWith(query.get("prefix") ?? "") && place(key, id) > after)
    .sort((one, other) => (place(one.key, one.id) < place(other.key, other.id) ? -1 : 1));
  const rows = found
    .slice(0, 2)
    .map(
      ({ id, key, at }) =>
        `<Upload><Key>${key}</Key><UploadId>${id}</UploadId><Initiated>${at.toISOString()}</Initiated></Upload>`,
    );
  const { key, id } = found[1] ?? { key: "", id: "" };
  const next = `<NextKeyMarker>${key}</NextKeyMarker><NextUploadIdMarker>${id}</NextUploadIdMarker>`;
  const isMore = found.length > 2;
  const body = `<IsTruncated>${isMore}</IsTruncated>${isMore ? next : ""}${rows.join("")}`;
  answerXml(response, 200, `<ListMultipartUploadsResult>${body}</ListMultipartUploadsResult>`);
}

function refuse(response: ServerResponse, status: number, code: string): void {
  answerXml(response, status, `<Error><Code>${code}</Code><Message>${code}</Message></Error>`);
}

export function answerXml(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, { "Content-Type": "application/xml" });
  response.end(`<?xml version="1.0" encoding="UTF-8"?>\n${body}`);
}
