// The address by which pods reach a server on this machine, whatever its port is at the moment.

import { connect, createServer } from "node:net";

/** Address of this machine as pods reach it; absent: they do not, and what they send is not tried. */
export const POD_ADDRESS = process.env.MFLOW_TEST_ADDRESS;

export interface PodForward {
  /** What pods call, e.g. `http://10.244.0.1:12345`. */
  url: string;
  close(): void;
}

/** Passes on what comes there. `port`: of the server now; while there is none, connections end at once. */
export async function forwardFromPods(address: string, port: () => number): Promise<PodForward> {
  const open = createServer((socket) => {
    const other = connect(port() || 1, "127.0.0.1");
    socket.pipe(other).pipe(socket);
    socket.on("error", () => other.destroy());
    other.on("error", () => socket.destroy());
  });
  await new Promise<void>((resolve) => open.listen(0, address, resolve));
  const { port: own } = open.address() as { port: number };
  return { url: `http://${address}:${own}`, close: () => void open.close() };
}
