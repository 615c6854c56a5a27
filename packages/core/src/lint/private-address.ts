// Addresses that lead into the server's own network, as far as a URL's text tells: the ranges of RFC 1918, 6598, 3927,
// 4193 and 4291, and loopback. What a name resolves to is checked where a connection is dialled.

const PRIVATE_V4 = [
  /^(?:0|10|127)\./,
  /^100\.(?:6[4-9]|[7-9]\d|1[01]\d|12[0-7])\./,
  /^169\.254\./,
  /^172\.(?:1[6-9]|2\d|3[01])\./,
  /^192\.168\./,
];

/** Whether a host, as `URL` writes it, is a private, loopback or link-local address, or `localhost`. */
export function isPrivateHost(hostname: string): boolean {
  if (/^(?:.*\.)?localhost\.?$/.test(hostname)) return true;
  if (/^\d+\.\d+\.\d+\.\d+$/.test(hostname)) return PRIVATE_V4.some((range) => range.test(hostname));
  if (!hostname.startsWith("[")) return false;
  const address = hostname.slice(1, -1);
  const mapped = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(address);
  if (mapped) return isPrivateHost(dotted(mapped[1] ?? "", mapped[2] ?? ""));
  return (
    address === "::" ||
    address === "::1" ||
    /^f[cd][0-9a-f]{2}:/.test(address) ||
    /^fe[89ab][0-9a-f]:/.test(address)
  );
}

/** The IPv4 address of the last two groups of an IPv6 one. */
function dotted(high: string, low: string): string {
  const groups = [high, low].map((group) => Number.parseInt(group, 16));
  return groups.flatMap((group) => [group >> 8, group & 0xff]).join(".");
}
