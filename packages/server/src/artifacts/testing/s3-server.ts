// A server that speaks S3, in this process, for tests. It knows keys, but does not look into signatures.

import { mkdtemp, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { S3mini } from "s3mini";
import type { S3Place } from "../s3-url.ts";

/** The part of s3rver that is used; it brings no types. */
interface S3rver {
  run(): Promise<{ port: number }>;
  close(): Promise<void>;
}

/** The keys that the server knows. */
export const S3_KEYS = { accessKeyId: "S3RVER", secretAccessKey: "S3RVER" };

export interface S3Server {
  /** A new bucket; keys lie below the prefix, which is empty or ends with `/`. */
  newPlace(prefix: string): Promise<S3Place>;
  close(): Promise<void>;
}

export async function startS3Server(): Promise<S3Server> {
  const Server = createRequire(import.meta.url)("s3rver") as new (options: object) => S3rver;
  const directory = await mkdtemp(join(tmpdir(), "mflow-s3-"));
  const server = new Server({
    address: "127.0.0.1",
    port: 0,
    directory,
    silent: true,
    allowMismatchedSignatures: false,
  });
  const { port } = await server.run();
  const endpoint = `http://127.0.0.1:${port}`;
  let buckets = 0;
  return {
    async newPlace(prefix) {
      const bucket = `bucket-${++buckets}`;
      await new S3mini({ ...S3_KEYS, endpoint: `${endpoint}/${bucket}`, region: "us-east-1" }).createBucket();
      return { bucket, prefix, endpoint, region: "us-east-1" };
    },
    async close() {
      await server.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
