// Under which address programs on this machine, tasks among them, call the server.

/** Listening on every address is no address to call, and a Host header that names it is refused. */
const LOOPBACK: Readonly<Record<string, string>> = { "0.0.0.0": "127.0.0.1", "::": "::1" };

/** The address of a server that listens there, e.g. `http://127.0.0.1:7070`. */
export function addressOf(host: string, port: number): string {
  const name = LOOPBACK[host] ?? host;
  return `http://${name.includes(":") ? `[${name}]` : name}:${port}`;
}
