// The store on a server that speaks S3.

import { afterAll, beforeAll, expect, test } from "vitest";
import { describeArtifactStore } from "./artifact-store.conformance.ts";
import { openS3Store } from "./s3-store.ts";
import { parseS3Url } from "./s3-url.ts";
import { S3_KEYS, type S3Server, startS3Server } from "./testing/s3-server.ts";

/** The least that S3 takes as a part. */
const PART = 5 * 1024 * 1024;

let server: S3Server;
beforeAll(async () => {
  server = await startS3Server();
});
afterAll(() => server.close());

for (const prefix of ["", "of/mflow/"]) {
  describeArtifactStore(`the S3 store${prefix && " below a prefix"}`, async () => {
    const place = await server.newPlace(prefix);
    return { open: async () => openS3Store(place, S3_KEYS, PART), dispose: async () => {} };
  });
}

async function* hello(): AsyncGenerator<Uint8Array> {
  yield Buffer.from("hello");
}

test("keys that nobody has, a missing bucket and a server that is away are UNAVAILABLE, and named", async () => {
  const place = await server.newPlace("");
  const put = (store: ReturnType<typeof openS3Store>) => store.put("a", hello(), 10);
  const wrongKey = openS3Store(place, { ...S3_KEYS, accessKeyId: "wrong" });
  await expect(put(wrongKey)).rejects.toMatchObject({
    code: "UNAVAILABLE",
    message: expect.stringContaining(`bucket ${place.bucket} at ${place.endpoint}: S3 returned 403`),
  });
  const noBucket = openS3Store({ ...place, bucket: "no-such-bucket" }, S3_KEYS);
  await expect(put(noBucket)).rejects.toMatchObject({ code: "UNAVAILABLE" });
  const away = openS3Store({ ...place, endpoint: "http://127.0.0.1:9" }, S3_KEYS);
  await expect(put(away)).rejects.toMatchObject({ code: "UNAVAILABLE" });
});

test.each([
  [
    "s3://files",
    { bucket: "files", prefix: "", endpoint: "https://s3.us-east-1.amazonaws.com", region: "us-east-1" },
  ],
  [
    "s3://files/of/mflow/?endpoint=http://minio:9000/&region=eu-1",
    { bucket: "files", prefix: "of/mflow/", endpoint: "http://minio:9000", region: "eu-1" },
  ],
  ["https://files", undefined],
  ["s3://", undefined],
  ["s3://files?endpoint=minio:9000", undefined],
  ["s3://files?bucket=x", undefined],
  ["s3://key:secret@files", undefined],
  ["s3://files/../x y", undefined],
])("the address %s", (url, place) => {
  expect(parseS3Url(url)).toEqual(place);
});
