// The service over HTTP: what it answers to which request.

import { createServer, type Server } from "node:http";
import { countWorkdays } from "./workdays.ts";

interface Answer {
  status: number;
  body: Record<string, unknown>;
}

/** A server that is not listening yet. */
export function createService(version: string): Server {
  return createServer((request, response) => {
    const { status, body } = answer(request.method ?? "", request.url ?? "/", version);
    response.writeHead(status, { "content-type": "application/json" });
    response.end(`${JSON.stringify(body)}\n`);
  });
}

function answer(method: string, url: string, version: string): Answer {
  if (method !== "GET") return { status: 405, body: { error: "only GET is served" } };
  const { pathname, searchParams } = new URL(url, "http://localhost");
  if (pathname === "/health") return { status: 200, body: { status: "ok", version, pid: process.pid } };
  if (pathname !== "/workdays") return { status: 404, body: { error: "try /workdays or /health" } };
  const from = searchParams.get("from") ?? "";
  const to = searchParams.get("to") ?? "";
  try {
    return { status: 200, body: { from, to, workdays: countWorkdays(from, to) } };
  } catch (error) {
    if (error instanceof RangeError) return { status: 400, body: { error: error.message } };
    throw error;
  }
}
