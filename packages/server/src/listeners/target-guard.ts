// Which addresses messages may be sent to. A listener's URL is written by whoever writes a pipeline, and must not let
// them talk to what only the server can reach: itself, its neighbours, or the metadata service of its cloud.

import ipaddr from "ipaddr.js";

/** Says of a host and an address that it was resolved to whether they may be dialled. */
export interface TargetGuard {
  /** `host` as a URL has it, `address` as the system does. */
  allows(host: string, address: string): boolean;
}

type Address = ipaddr.IPv4 | ipaddr.IPv6;

/** What an entry of `--allow-target` must be; undefined for what makes no sense. */
export function parseAllowedTarget(
  entry: string,
): { host: string } | { range: [Address, number] } | undefined {
  const text = entry.trim().toLowerCase();
  if (ipaddr.isValidCIDR(text)) return { range: ipaddr.parseCIDR(text) };
  if (isFullAddress(text)) {
    const address = ipaddr.parse(text);
    return { range: [address, address.kind() === "ipv4" ? 32 : 128] };
  }
  const isName = /^[a-z0-9]([a-z0-9._-]{0,251}[a-z0-9])?$/.test(text);
  // What ends in a number is an address in some notation, never a name (URL standard, "ends in a number").
  return isName && !/(^|\.)([0-9]+|0x[0-9a-f]*)$/.test(text) ? { host: text } : undefined;
}

/** The library also takes `10` and `0x7f.1` for addresses; here they would be a mistake. */
function isFullAddress(text: string): boolean {
  return ipaddr.IPv4.isValidFourPartDecimal(text) || (text.includes(":") && ipaddr.IPv6.isValid(text));
}

/** `allowed`: ranges, addresses and names of hosts that may be dialled although they are not public. */
export function createTargetGuard(allowed: readonly string[]): TargetGuard {
  const hosts = new Set<string>();
  const ranges: [Address, number][] = [];
  for (const entry of allowed) {
    const parsed = parseAllowedTarget(entry);
    if (!parsed) throw new Error(`\`${entry}\` is no range, address or name of a host`);
    if ("host" in parsed) hosts.add(parsed.host);
    else ranges.push(parsed.range);
  }
  return {
    allows(host, address) {
      if (hosts.has(nameOf(host))) return true;
      if (!ipaddr.isValid(address)) return false;
      const parsed = ipaddr.parse(address);
      const meant = embeddedIn(parsed) ?? parsed;
      const isIn = ([range, bits]: [Address, number]) =>
        [parsed, meant].some((one) => one.kind() === range.kind() && one.match(range, bits));
      return isPublic(meant) || ranges.some(isIn);
    },
  };
}

/** Without the dot at the end of a fully qualified name, and the brackets of an IPv6 address. */
function nameOf(host: string): string {
  return host
    .toLowerCase()
    .replace(/\.$/, "")
    .replace(/^\[|\]$/g, "");
}

/** Of IPv6, all that the world's registries hand out is in here (IANA, "IPv6 Global Unicast Address Assignments"). */
const HANDED_OUT = ipaddr.IPv6.parse("2000::");

/**
 * All that is not global unicast by the registries of special-purpose addresses (RFC 6890) is refused, and of IPv6 what
 * nobody was given: to the library whatever has no purpose of its own is unicast.
 */
function isPublic(address: Address): boolean {
  if (address.range() !== "unicast") return false;
  return address.kind() === "ipv4" || (address.match(HANDED_OUT, 3) && !isIsatap(address as ipaddr.IPv6));
}

/** RFC 5214, 6.1: the last 64 bits say that a router takes the packets out and sends them to an IPv4 address. */
function isIsatap({ parts }: ipaddr.IPv6): boolean {
  return ((parts[4] ?? 0) & ~0x0300) === 0 && parts[5] === 0x5efe;
}

/** Where an IPv6 address stands for an IPv4 address, that one: it is where the packets may go. */
function embeddedIn(address: Address): ipaddr.IPv4 | undefined {
  if (address.kind() === "ipv4") return undefined;
  const bytes = (address as ipaddr.IPv6).toByteArray();
  const startsWith = (...prefix: number[]) => prefix.every((byte, index) => bytes[index] === byte);
  const at = (index: number) => new ipaddr.IPv4(bytes.slice(index, index + 4));
  const zeros = (count: number) => bytes.slice(0, count).every((byte) => byte === 0);
  // IPv4-compatible (RFC 4291 2.5.5.1), `::` and `::1` among them, and IPv4-mapped (2.5.5.2).
  if (zeros(12)) return at(12);
  if (zeros(10) && bytes[10] === 0xff && bytes[11] === 0xff) return at(12);
  // IPv4-translated (RFC 2765), NAT64 (RFC 6052), 6to4 (RFC 3056).
  if (zeros(8) && bytes[8] === 0xff && bytes[9] === 0xff && bytes[10] === 0 && bytes[11] === 0) return at(12);
  if (startsWith(0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0)) return at(12);
  if (startsWith(0x20, 0x02)) return at(2);
  return undefined;
}
