import { expect, test } from "vitest";
import { credentialsIn } from "./kubeconfig.ts";

test("what no log may show of a kubeconfig are the secrets of its users", () => {
  const text = `
apiVersion: v1
clusters: [{ name: c, cluster: { server: "https://example.com", certificate-authority-data: Y2E= } }]
users:
  - { name: a, user: { token: the-token } }
  - { name: b, user: { client-certificate-data: Y2VydA==, client-key-data: a2V5 } }
  - { name: c, user: { username: ada, password: lovelace } }
`;
  expect(credentialsIn(text)).toEqual(["the-token", "a2V5", "lovelace"]);
  expect(["", "just words", "a: [", "users: [1, {user: null}]"].map(credentialsIn)).toEqual([[], [], [], []]);
});
