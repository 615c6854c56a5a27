// Under which address programs on this machine, tasks among them, call the server, and why it cannot have one.

import { MflowError } from "@mflow/core/errors";

/** Listening on every address is no address to call, and a Host header that names it is refused. */
const LOOPBACK: Readonly<Record<string, string>> = { "0.0.0.0": "127.0.0.1", "::": "::1" };

/** The address of a server that listens there, e.g. `http://127.0.0.1:7070`. */
export function addressOf(host: string, port: number): string {
  const name = LOOPBACK[host] ?? host;
  return `http://${name.includes(":") ? `[${name}]` : name}:${port}`;
}

/** Why the system refuses an address to listen on, by its code (listen(2), bind(2)). */
const REFUSALS: Readonly<Record<string, string>> = {
  EADDRINUSE: "another program listens there already",
  EADDRNOTAVAIL: "this machine does not have that address",
  EACCES: "this user may not use that port",
  ENOTFOUND: "no such host is known",
  EAI_AGAIN: "the name of the host cannot be looked up",
};

/** The error of a server that cannot listen on its address; others are given back as they are. */
export function listenError({ host, port }: { host: string; port: number }, error: unknown): unknown {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const why = Object.hasOwn(REFUSALS, code) ? REFUSALS[code] : undefined;
  if (why === undefined) return error;
  const place = `${host.includes(":") ? `[${host}]` : host}:${port}`;
  return new MflowError("ADDRESS_REFUSED", `cannot listen on ${place}: ${why}`);
}
