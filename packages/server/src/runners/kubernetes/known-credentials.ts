// What of a kubeconfig no log may show. Each task asks for it, and of a thousand tasks most have the same kubeconfig; to
// read it anew took half of all memory that their starts used.

import { credentialsIn } from "@mflow/core/kubernetes/kubeconfig";

/** Kubeconfigs whose credentials are remembered. */
const MOST = 16;

export class KnownCredentials {
  readonly #known = new Map<string, readonly string[]>();

  /** Tokens, passwords and private keys of a kubeconfig. */
  of(kubeconfig: string): readonly string[] {
    const credentials = this.#known.get(kubeconfig) ?? credentialsIn(kubeconfig);
    // The one that was used last is behind all others.
    this.#known.delete(kubeconfig);
    this.#known.set(kubeconfig, credentials);
    const [oldest] = this.#known.keys();
    if (this.#known.size > MOST && oldest !== undefined) this.#known.delete(oldest);
    return credentials;
  }
}
