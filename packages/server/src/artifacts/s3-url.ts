// The address of an S3-compatible store: `s3://bucket/prefix?endpoint=https://s3.example.com&region=eu-1`.

export interface S3Place {
  bucket: string;
  /** Before every key, with `/` at its end; empty: none. */
  prefix: string;
  /** Address of the service, without the bucket. */
  endpoint: string;
  region: string;
}

/** What an address says; nothing when it is not one. */
export function parseS3Url(text: string): S3Place | undefined {
  const url = URL.parse(text);
  if (url?.protocol !== "s3:" || url.username !== "" || url.hash !== "") return undefined;
  const known = ["endpoint", "region"];
  if ([...url.searchParams.keys()].some((name) => !known.includes(name))) return undefined;
  const region = url.searchParams.get("region") || "us-east-1";
  const endpoint = url.searchParams.get("endpoint") || `https://s3.${region}.amazonaws.com`;
  const protocol = URL.parse(endpoint)?.protocol;
  const path = url.pathname.replace(/^\/+|\/+$/g, "");
  const isRight =
    /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(url.host) &&
    /^[a-z0-9-]+$/.test(region) &&
    (protocol === "http:" || protocol === "https:") &&
    /^([A-Za-z0-9][A-Za-z0-9._-]*(\/[A-Za-z0-9][A-Za-z0-9._-]*)*)?$/.test(path);
  if (!isRight) return undefined;
  return {
    bucket: url.host,
    prefix: path === "" ? "" : `${path}/`,
    endpoint: endpoint.replace(/\/+$/, ""),
    region,
  };
}
