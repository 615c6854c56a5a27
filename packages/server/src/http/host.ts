// Refuses requests that a web page of another site makes: by DNS rebinding (the Host header names that
// site) or across origins (the Origin header does).

import type { IncomingMessage } from "node:http";
import { MflowError } from "@mflow/core/errors";

const loopback = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

/** Host name of a Host header, in lower case, IPv6 in brackets, without port and trailing dot. */
function hostName(host: string): string {
  const name = host.startsWith("[") ? host.replace(/\]:\d+$/, "]") : host.replace(/:\d+$/, "");
  return name.toLowerCase().replace(/\.$/, "");
}

/** Address of this end of a connection, as a Host header would write it. */
function ownAddress(request: IncomingMessage): string | undefined {
  const address = request.socket.localAddress?.replace(/^::ffff:/, "");
  return address?.includes(":") ? `[${address.toLowerCase()}]` : address;
}

/**
 * Checks the Host and Origin headers of a request. Good hosts are the loopback names, the address that was
 * called, and `allowed` (lower case, without port); a good origin is that host itself or an allowed one.
 * Throws HOST_REFUSED.
 */
export function checkHost(request: IncomingMessage, allowed: ReadonlySet<string>): void {
  const { host, origin } = request.headers;
  const name = hostName(host ?? "");
  if (!loopback.test(name) && !allowed.has(name) && name !== ownAddress(request)) {
    throw new MflowError("HOST_REFUSED", `The Host header names ${host ? `"${host}"` : "nothing"}.`);
  }
  if (origin === undefined) return;
  const from = URL.parse(origin);
  if (from?.host !== host?.toLowerCase() && !allowed.has(hostName(from?.host ?? ""))) {
    throw new MflowError("HOST_REFUSED", `The Origin header names "${origin}".`);
  }
}
