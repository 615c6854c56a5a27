// The store on a server that speaks S3.

import { randomBytes } from "node:crypto";
import { buffer } from "node:stream/consumers";
import { S3mini } from "s3mini";
import { afterAll, beforeAll, expect, test } from "vitest";
import { describeArtifactStore } from "./artifact-store.conformance.ts";
import { openS3Store } from "./s3-store.ts";
import { parseS3Url } from "./s3-url.ts";
import {
  answerXml,
  broken,
  type Fault,
  refused,
  S3_KEYS,
  type S3Server,
  startS3Server,
  unheard,
} from "./testing/s3-server.ts";

/** The least that S3 takes as a part. */
const PART = 5 * 1024 * 1024;
const QUICK = { partBytes: PART, backoffMs: 1 };

let server: S3Server;
beforeAll(async () => {
  server = await startS3Server();
});
afterAll(() => server.close());

for (const prefix of ["", "of/mflow/"]) {
  describeArtifactStore(`the S3 store${prefix && " below a prefix"}`, async () => {
    const place = await server.newPlace(prefix);
    return { open: async () => openS3Store(place, S3_KEYS, QUICK), dispose: async () => {} };
  });
}

const LIMIT = 64 * 1024 * 1024;

async function* bytesOf(...parts: (string | Buffer)[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) yield Buffer.from(part);
}

async function newStore(prefix = "") {
  const place = await server.newPlace(prefix);
  return { place, store: openS3Store(place, S3_KEYS, QUICK) };
}

const hello = (store: ReturnType<typeof openS3Store>) => store.put("a", bytesOf("hello"), 10);

test("keys that nobody has, a missing bucket and a server that is away are UNAVAILABLE, and named", async () => {
  const { place } = await newStore();
  const away = openS3Store({ ...place, endpoint: "http://127.0.0.1:65535" }, S3_KEYS, QUICK);
  const places = [
    [openS3Store(place, { ...S3_KEYS, accessKeyId: "wrong" }, QUICK), "S3 returned 403 – InvalidAccessKeyId"],
    [
      openS3Store(place, { ...S3_KEYS, secretAccessKey: "no" }, QUICK),
      "S3 returned 403 – SignatureDoesNotMatch",
    ],
    [openS3Store({ ...place, region: "eu-1" }, S3_KEYS), "S3 returned 403 – AuthorizationHeaderMalformed"],
    [openS3Store({ ...place, bucket: "no-bucket" }, S3_KEYS), "S3 returned 404 – NoSuchBucket"],
    [away, "S3 network error: ECONNREFUSED"],
  ] as const;
  for (const [store, reason] of places) {
    await expect(hello(store)).rejects.toMatchObject({
      code: "UNAVAILABLE",
      message: expect.stringMatching(new RegExp(`bucket [a-z0-9-]+ at http://127.0.0.1:[0-9]+: ${reason}`)),
    });
  }
  const noBucket = openS3Store({ ...place, bucket: "no-bucket" }, S3_KEYS, QUICK);
  await expect(noBucket.get("a")).rejects.toMatchObject({ code: "UNAVAILABLE" });
});

test("what is refused for good is asked once", async () => {
  const { store } = await newStore();
  server.fail(/^PUT/, refused(403, "AccessDenied"));
  await expect(hello(store)).rejects.toMatchObject({ code: "UNAVAILABLE" });
  expect(server.requests).toHaveLength(1);
});

const troubles: [string, Fault][] = [
  ["503 SlowDown", refused(503, "SlowDown")],
  ["500 InternalError", refused(500, "InternalError")],
  ["400 RequestTimeout", refused(400, "RequestTimeout")],
  ["a connection that breaks", broken],
  ["an answer that is lost", unheard],
];

test.each(troubles)("%s in any call is got over by another try", async (_, fault) => {
  const { store, place } = await newStore("of/mflow/");
  const much = randomBytes(11 * 1024 * 1024);
  for (const call of [/^POST .*uploads/, /partNumber=2/, /^POST .*uploadId=/]) server.fail(call, fault);
  await store.put("artifacts/run-1/long", bytesOf(much), LIMIT);
  server.fail(/^PUT/, fault);
  await hello(store);
  server.fail(/^GET/, fault);
  expect((await buffer(await store.get("artifacts/run-1/long"))).equals(much)).toBe(true);
  server.fail(/^GET/, fault);
  const found = [];
  for await (const { key, size } of store.list("")) found.push([key, size]);
  expect(found).toEqual([
    ["a", 5],
    ["artifacts/run-1/long", much.length],
  ]);
  server.fail(/^DELETE/, fault);
  await store.remove("a");
  expect(await store.stat("a")).toBeUndefined();
  // Of an upload whose beginning was not heard of, another one is begun; the sweep finds the first.
  const forgotten = fault === unheard ? ["of/mflow/artifacts/run-1/long"] : [];
  expect(server.openUploads(place.bucket)).toEqual(forgotten);
});

test("a service that stays busy is UNAVAILABLE after three tries, and nothing is left of the parts", async () => {
  const { store, place } = await newStore();
  const busy = refused(503, "SlowDown");
  server.fail(/partNumber=2/, busy, busy, busy);
  const put = () => store.put("a", bytesOf(randomBytes(11 * 1024 * 1024)), LIMIT);
  await expect(put()).rejects.toMatchObject({
    code: "UNAVAILABLE",
    message: expect.stringContaining("S3 returned 503 – SlowDown"),
  });
  expect(server.openUploads(place.bucket)).toEqual([]);
  expect(await store.stat("a")).toBeUndefined();
});

test("an upload whose end fails under status 200 is not taken for done", async () => {
  const { store, place } = await newStore();
  const late =
    (code: string): Fault =>
    (request, response) => {
      request.resume().on("end", () => answerXml(response, 200, `<Error><Code>${code}</Code></Error>`));
    };
  const put = () => store.put("a", bytesOf(randomBytes(11 * 1024 * 1024)), LIMIT);
  server.fail(/^POST .*uploadId=/, late("InternalError"));
  await put();
  expect(await store.stat("a")).toMatchObject({ size: 11 * 1024 * 1024 });
  await store.remove("a");
  server.fail(/^POST .*uploadId=/, late("InvalidPart"));
  await expect(put()).rejects.toMatchObject({
    code: "UNAVAILABLE",
    message: expect.stringContaining("S3 returned 200 – InvalidPart"),
  });
  expect(await store.stat("a")).toBeUndefined();
  expect(server.openUploads(place.bucket)).toEqual([]);
});

test("an upload that a rule of the bucket ended is UNAVAILABLE: another try may help", async () => {
  const { store } = await newStore();
  server.fail(/partNumber=2/, refused(404, "NoSuchUpload"));
  const put = () => store.put("a", bytesOf(randomBytes(11 * 1024 * 1024)), LIMIT);
  await expect(put()).rejects.toMatchObject({ code: "UNAVAILABLE" });
  await put();
});

test("a download that breaks off fails, and does not end as if it were whole", async () => {
  const { store } = await newStore();
  await store.put("a", bytesOf(randomBytes(1024 * 1024)), LIMIT);
  server.fail(/^GET/, (request, response) => {
    response.writeHead(200, { "Content-Length": String(1024 * 1024) });
    response.write(randomBytes(1000), () => request.socket.destroy());
  });
  await expect(buffer(await store.get("a"))).rejects.toThrow();
});

test("a download may take longer than a call that sends, as long as bytes come", async () => {
  const { place } = await newStore();
  const store = openS3Store(place, S3_KEYS, { ...QUICK, callMs: 100 });
  server.fail(/^GET/, (_request, response) => {
    response.writeHead(200, { "Content-Length": "4" });
    let sent = 0;
    const next = () => (sent++ < 4 ? response.write("x", () => setTimeout(next, 60)) : response.end());
    next();
  });
  expect((await buffer(await store.get("a"))).toString()).toBe("xxxx");
  server.fail(
    /^PUT/,
    () => {},
    () => {},
    () => {},
  );
  await expect(hello(store)).rejects.toMatchObject({ code: "UNAVAILABLE" });
});

test("what killed servers left half sent is removed, page by page, but not what is being sent", async () => {
  const { store, place } = await newStore("of/mflow/");
  const client = new S3mini({
    ...S3_KEYS,
    endpoint: `${place.endpoint}/${place.bucket}`,
    region: place.region,
  });
  const begin = (key: string) => client.getMultipartUploadId(key);
  for (const name of ["1", "2", "3", "4", "5"]) await begin(`of/mflow/artifacts/${name}`);
  await begin("of/mflow/caches/1");
  await begin("artifacts/of-others");
  await store.removeUnfinished?.("artifacts/", Date.now() - 3600_000);
  expect(server.openUploads(place.bucket)).toHaveLength(7);
  await store.removeUnfinished?.("artifacts/", Date.now() + 3600_000);
  expect(server.openUploads(place.bucket).sort()).toEqual(["artifacts/of-others", "of/mflow/caches/1"]);
  server.fail(/^GET .*uploads/, refused(501, "NotImplemented"));
  await store.removeUnfinished?.("artifacts/", Date.now());
});

test("keys of every form are signed rightly", async () => {
  const { store } = await newStore("Of.m_flow-1/x/");
  const long = ["artifacts", ..."abcd"]
    .map((part) => part.padEnd(200, "k"))
    .join("/")
    .slice(0, 880);
  const keys = ["a.b/C_d-e.f/0", "a/b..c/d--e__f", "caches/blob-01", long];
  for (const key of keys) {
    await store.put(key, bytesOf(key), LIMIT);
    expect((await buffer(await store.get(key, { from: 0, to: 3 }))).toString()).toBe(key.slice(0, 4));
    expect(await store.stat(key)).toMatchObject({ size: key.length });
    await store.remove(key);
  }
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
