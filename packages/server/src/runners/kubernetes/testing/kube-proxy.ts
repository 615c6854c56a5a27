// A proxy in front of the API server of the real cluster, for tests of what goes wrong between it and mflow: it refuses
// and cuts all connections, keeps them open while nothing flows, loses or holds back single answers, and cuts logs.

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { request as httpRequest, type IncomingMessage, type ServerResponse } from "node:http";
import { Agent, createServer, request as httpsRequest, type Server } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse, stringify } from "yaml";
import { kubeConfigOf } from "../api/kube-config.ts";
import { testKubeconfig } from "./kube-place.ts";

export interface Asked {
  method: string;
  path: string;
  query: URLSearchParams;
}

/**
 * What is done with a request. `lose`: the API server takes it, its answer is cut off. `hold`: its answer waits until
 * the promise resolves (`withhold`: the request itself does), `reached` is called when it is there. `stall`: its answer begins and never goes on. `cut`: the
 * connection is cut after so long. `answer`: the API server never sees it.
 */
export type Meddling =
  | { kind: "lose" }
  | { kind: "hold"; until: Promise<void>; reached?(): void }
  | { kind: "withhold"; until: Promise<void>; reached?(): void }
  | { kind: "stall" }
  | { kind: "cut"; afterMs: number }
  | { kind: "answer"; status: number; body: unknown };

export class KubeProxy {
  /** Everything that was asked, in order. */
  readonly asked: Asked[] = [];
  /** Called for each request; nothing: it goes through. */
  meddle: (asked: Asked) => Meddling | undefined = () => undefined;
  readonly #server: Server;
  readonly #certificate: string;
  readonly #upstream: URL;
  readonly #agent: Agent;
  readonly #anonymous: Agent;
  readonly #sockets = new Set<Socket>();
  readonly #upstreams = new Set<{ destroy(): void }>();
  #port = 0;
  #gate: PromiseWithResolvers<void> | undefined;

  private constructor(server: Server, certificate: string, upstream: URL, tls: Record<string, unknown>) {
    this.#server = server;
    this.#certificate = certificate;
    this.#upstream = upstream;
    this.#agent = new Agent({ keepAlive: true, ...tls });
    this.#anonymous = new Agent({ keepAlive: true, ca: tls.ca as Buffer });
    server.on("request", (asking, answer) => this.#handle(asking, answer));
    server.on("secureConnection", (socket: Socket) => this.#track(socket));
    server.on("connection", (socket: Socket) => this.#track(socket));
    server.on("tlsClientError", () => {});
  }

  static async make(): Promise<KubeProxy> {
    const folder = mkdtempSync(join(tmpdir(), "kube-proxy-"));
    const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")];
    const subject = ["-subj", "/CN=kube-proxy", "-addext", "subjectAltName=IP:127.0.0.1"];
    const made = [
      "-x509",
      "-newkey",
      "ec",
      "-pkeyopt",
      "ec_paramgen_curve:prime256v1",
      "-nodes",
      "-days",
      "2",
    ];
    execFileSync("openssl", ["req", ...made, ...subject, "-keyout", key, "-out", cert], { stdio: "ignore" });
    const pair = { key: readFileSync(key), cert: readFileSync(cert) };
    rmSync(folder, { recursive: true });
    const config = await kubeConfigOf({ kubeconfig: testKubeconfig() });
    const tls: Record<string, unknown> = {};
    await config.applyToHTTPSOptions(tls);
    const upstream = new URL(config.getCurrentCluster()?.server ?? "");
    const picked = Object.fromEntries(["ca", "cert", "key"].map((name) => [name, tls[name]]));
    const proxy = new KubeProxy(createServer(pair), pair.cert.toString(), upstream, picked);
    await proxy.back();
    return proxy;
  }

  /** The test's kubeconfig with the proxy in place of the API server; with `token` that of a service account. */
  kubeconfig(token?: string): string {
    const config = parse(testKubeconfig());
    const name = config["current-context"];
    const { context } = config.contexts.find((one: { name: string }) => one.name === name);
    const cluster = {
      server: `https://127.0.0.1:${this.#port}`,
      "certificate-authority-data": Buffer.from(this.#certificate).toString("base64"),
    };
    // The proxy has the admin's certificate; who brings a token is who the token says.
    return stringify({
      ...config,
      clusters: [{ name: context.cluster, cluster }],
      users: [{ name: context.user, user: token === undefined ? {} : { token } }],
    });
  }

  /** Refuses connections, and cuts those that there are. */
  async away(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.#sockets) socket.destroy();
    for (const request of this.#upstreams) request.destroy();
    await closed;
  }

  /** Takes connections, at the same address as before. */
  async back(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(this.#port, "127.0.0.1", resolve));
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  /** Connections stay and are taken, but nothing flows until `thaw`. */
  freeze(): void {
    this.#gate ??= Promise.withResolvers<void>();
  }

  thaw(): void {
    this.#gate?.resolve();
    this.#gate = undefined;
  }

  async close(): Promise<void> {
    this.thaw();
    if (this.#server.listening) await this.away();
    this.#agent.destroy();
    this.#anonymous.destroy();
  }

  /** How often it was asked so. */
  count(method: string, path: RegExp): number {
    return this.asked.filter((one) => one.method === method && path.test(one.path)).length;
  }

  #track(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("error", () => {});
    socket.once("close", () => this.#sockets.delete(socket));
  }

  #handle(asking: IncomingMessage, answer: ServerResponse): void {
    const url = new URL(asking.url ?? "/", "https://127.0.0.1");
    const asked = { method: asking.method ?? "", path: url.pathname, query: url.searchParams };
    this.asked.push(asked);
    this.#forward(asking, answer, this.meddle(asked)).catch(() => asking.socket.destroy());
  }

  async #forward(
    asking: IncomingMessage,
    answer: ServerResponse,
    meddling: Meddling | undefined,
  ): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of asking) chunks.push(chunk);
    await this.#gate?.promise;
    if (meddling?.kind === "withhold") {
      meddling.reached?.();
      await meddling.until;
    }
    if (meddling?.kind === "answer") {
      answer.writeHead(meddling.status, { "content-type": "application/json" });
      answer.end(typeof meddling.body === "string" ? meddling.body : JSON.stringify(meddling.body));
      return;
    }
    const { host: _, connection: _c, ...headers } = asking.headers;
    const isSecure = this.#upstream.protocol === "https:";
    const upstream = (isSecure ? httpsRequest : httpRequest)(new URL(asking.url ?? "/", this.#upstream), {
      method: asking.method,
      headers,
      agent: headers.authorization === undefined ? this.#agent : this.#anonymous,
    });
    this.#upstreams.add(upstream);
    answer.once("close", () => upstream.destroy());
    if (meddling?.kind === "cut") setTimeout(() => asking.socket.destroy(), meddling.afterMs).unref();
    try {
      upstream.end(Buffer.concat(chunks));
      const came = await new Promise<IncomingMessage>((resolve, reject) => {
        upstream.once("response", resolve);
        upstream.once("error", reject);
      });
      if (meddling?.kind === "lose") {
        came.resume();
        await new Promise((resolve) => came.once("end", resolve));
        asking.socket.destroy();
        return;
      }
      if (meddling?.kind === "hold") {
        meddling.reached?.();
        await meddling.until;
      }
      await this.#gate?.promise;
      answer.writeHead(came.statusCode ?? 502, came.headers);
      answer.flushHeaders();
      // A stream that stands still for ever, behind an address translation that forgot it for one.
      if (meddling?.kind === "stall") return;
      for await (const chunk of came) {
        await this.#gate?.promise;
        if (!answer.write(chunk)) await drained(answer);
      }
      answer.end();
    } finally {
      this.#upstreams.delete(upstream);
    }
  }
}

async function drained(answer: ServerResponse): Promise<void> {
  if (answer.destroyed) return;
  await new Promise<void>((resolve) => {
    const done = () => {
      answer.off("drain", done);
      answer.off("close", done);
      resolve();
    };
    answer.once("drain", done);
    answer.once("close", done);
  });
}
