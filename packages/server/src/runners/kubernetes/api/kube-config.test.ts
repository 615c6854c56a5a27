// What becomes of a kubeconfig that somebody hands in: nothing of the server's machine is run or read.

import { expect, test } from "vitest";
import { kubeConfigOf, kubeConfigOfText } from "./kube-config.ts";

const kubeconfig = (user: string, cluster = "", top = "") => `
${top}
current-context: prod
contexts: [{name: prod, context: {cluster: c, user: u, namespace: ci}}, {name: odd}]
clusters: [{name: c, cluster: {server: "https://10.0.0.1:6443/", ${cluster}}}]
users: [{name: u, user: {${user}}}]
`;

const read = (text: string, context?: string) => kubeConfigOfText(text, context, "/value");

test("the context that is used is read, with what a connection needs and nothing else", async () => {
  const text = kubeconfig(
    "token: abc, as: robot, username: me, password: pw, extensions: []",
    "certificate-authority-data: Q0E=, tls-server-name: k8s, insecure-skip-tls-verify: true, extensions: []",
  );
  const config = await read(text);
  expect(JSON.parse(config.exportConfig())).toEqual({
    apiVersion: "v1",
    kind: "Config",
    preferences: {},
    "current-context": "prod",
    contexts: [{ name: "prod", context: { name: "prod", cluster: "c", user: "u", namespace: "ci" } }],
    clusters: [
      {
        name: "c",
        cluster: {
          server: "https://10.0.0.1:6443",
          "certificate-authority-data": "Q0E=",
          "tls-server-name": "k8s",
          "insecure-skip-tls-verify": true,
        },
      },
    ],
    users: [{ name: "u", user: { as: "robot", token: "abc", username: "me", password: "pw" } }],
  });
});

test.each([
  ["exec", "exec: {command: evil}"],
  ["auth-provider", "auth-provider: {name: gcp}"],
  ["client-certificate", "client-certificate: /etc/crt.pem"],
  ["client-key", "client-key: /etc/key.pem"],
  ["tokenFile", "tokenFile: /etc/passwd"],
  ["token-file", "token-file: /etc/passwd"],
])("`%s` of a user is refused", async (key, user) => {
  await expect(read(kubeconfig(user))).rejects.toMatchObject({
    code: "INVALID_DOCUMENT",
    details: [{ path: "/value", message: expect.stringContaining(`user \`u\` has \`${key}\``) }],
  });
});

test.each([
  ["merged in", "<<: *x", "x: &x {exec: {command: evil}, token-file: /etc/passwd, client-key: /etc/key.pem}"],
  ["merged in by version 1.1", "<<: *x", "%YAML 1.1\n---\nx: &x {exec: {command: evil}}"],
  ["of another type", "exec: !!str evil, <<: {client-key: /etc/key.pem}", ""],
])("what is refused is not let in when it is %s", async (_how, user, top) => {
  const config = await read(kubeconfig(user, "", top)).catch((error) => error);
  if (config instanceof Error) return expect(config).toMatchObject({ code: "INVALID_DOCUMENT" });
  const { exec, certFile, keyFile, authProvider, token } = config.getCurrentUser();
  expect([exec, certFile, keyFile, authProvider, token].filter(Boolean)).toEqual([]);
});

test("values that are no text are refused", async () => {
  await expect(read(kubeconfig("token: 12345"))).rejects.toThrow("`token` of user `u` is no text");
  await expect(read(kubeconfig("token: abc", "proxy-url: {}"))).rejects.toThrow("`proxy-url` of cluster `c`");
});

test("a context without a cluster or user is refused, and others do not matter", async () => {
  const text = kubeconfig("token: abc");
  await expect(read(text, "odd")).rejects.toThrow("context `odd` names no cluster with an https `server`");
  await expect(read(text.replace("user: u,", "user: v,"))).rejects.toThrow(
    "names user `v`, who is not there",
  );
  expect((await read(text)).getCurrentUser()?.token).toBe("abc");
});

test("a server and a token make a connection without a kubeconfig", async () => {
  const config = await kubeConfigOf({
    server: "https://10.0.0.1:6443/",
    token: "abc",
    certificateAuthority: "CA",
  });
  expect(config.getCurrentCluster()).toMatchObject({ server: "https://10.0.0.1:6443", caData: "Q0E=" });
  expect(config.getCurrentUser()).toMatchObject({ token: "abc" });
});
