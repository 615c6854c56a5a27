// What mflow uses of the client library, and no more: how a kubeconfig, or a pod's own account, becomes a connection. That
// is one module of it; but it draws in the generated client of every API, of which mflow uses nothing (cluster-client.ts
// says why), and another copy of the HTTP client. Left out, they save 70 MB and two seconds at the first cluster.

import { registerHooks } from "node:module";

type ClientLibrary = Pick<typeof import("@kubernetes/client-node"), "KubeConfig">;

const CONFIG = /\/@kubernetes\/client-node\/dist\/config\.js$/;
const GENERATED = "./gen/index.js";
/** All that the module names of the generated client; only `makeApiClient` calls it. */
const NOTHING_GENERATED = `data:text/javascript,${encodeURIComponent(
  'export class ServerConfiguration {}; export function createConfiguration() { throw new Error("mflow loads no generated client"); }',
)}`;

let loaded: Promise<ClientLibrary> | undefined;

/** Loaded with the first cluster, once. */
export function clientLibrary(): Promise<ClientLibrary> {
  loaded ??= load();
  return loaded;
}

async function load(): Promise<ClientLibrary> {
  const hooks = registerHooks({
    resolve(specifier, context, next) {
      if (!CONFIG.test(context.parentURL ?? "")) return next(specifier, context);
      if (specifier === GENERATED) return { url: NOTHING_GENERATED, shortCircuit: true };
      return next(specifier, specifier === "undici" ? { ...context, parentURL: import.meta.url } : context);
    },
  });
  try {
    return await import("@kubernetes/client-node/dist/config.js");
  } finally {
    hooks.deregister();
  }
}
