// Why a cluster cannot be reached, in a sentence that says what can be done about it.

import { KubeError } from "./cluster-client.ts";

const CERTIFICATE =
  "give the certificate that signed it: `certificateAuthority`, or `certificate-authority-data` of the kubeconfig";

/** By the codes of Node and OpenSSL. */
const REASONS: [RegExp, string][] = [
  [
    /^(ENOTFOUND|EAI_AGAIN|EAI_FAIL)$/,
    "its name cannot be resolved; check the address, or the DNS of the server's machine",
  ],
  [/^ECONNREFUSED$/, "nothing listens there; check address and port, and whether the cluster runs"],
  [
    /^(ETIMEDOUT|UND_ERR_CONNECT_TIMEOUT|UND_ERR_HEADERS_TIMEOUT|EHOSTUNREACH|ENETUNREACH)$/,
    "no answer came in time; check the address, routes and firewalls between the server and the cluster",
  ],
  [/^CERT_HAS_EXPIRED$/, "its certificate has expired; renew it in the cluster"],
  [
    /^ERR_TLS_CERT_ALTNAME_INVALID$/,
    "its certificate is for other names; use one of these as the address, or `tls-server-name` of the kubeconfig",
  ],
  [
    /^(DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN)$/,
    `its certificate is signed by nobody that is trusted; ${CERTIFICATE}`,
  ],
  [/^(UNABLE_TO_|CERT_)/, `its certificate is not signed by the one that is given; ${CERTIFICATE}`],
  [
    /^(ERR_SSL_|EPROTO|ERR_OSSL_)/,
    "what listens there cannot agree on TLS; check the port, and the certificate that is given",
  ],
];

/** The sentence for what a call to the API server was rejected with. */
export function problemOf(server: string, error: unknown): string {
  if (!(error instanceof KubeError)) return (error as Error).message;
  if (error.status === 401) {
    return `the API server ${server} does not take the credentials (401): the token or certificate is wrong, expired or withdrawn; make a new one`;
  }
  if (error.status === 403) {
    return `the API server ${server} knows the credentials, but lets them ask nothing (403: ${error.message}); grant them \`system:basic-user\``;
  }
  if (error.status > 0) return `the API server ${server} answered ${error.status}: ${error.message}`;
  const [, why] = REASONS.find(([pattern]) => pattern.test(error.reason ?? "")) ?? [];
  return why === undefined
    ? error.message
    : `the API server ${server} cannot be reached: ${why} (${error.reason})`;
}
