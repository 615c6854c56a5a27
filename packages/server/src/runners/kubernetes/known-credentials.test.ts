import { expect, test } from "vitest";
import { KnownCredentials } from "./known-credentials.ts";

const kubeconfig = (token: string) => `users: [{name: u, user: {token: ${token}}}]`;

test("a kubeconfig is read once, and anew when many others came since", () => {
  const known = new KnownCredentials();
  const first = known.of(kubeconfig("one"));
  expect(first).toEqual(["one"]);
  for (let others = 1; others <= 15; others++) known.of(kubeconfig(`other${others}`));
  expect(known.of(kubeconfig("one"))).toBe(first);
  for (let others = 1; others <= 16; others++) known.of(kubeconfig(`more${others}`));
  const again = known.of(kubeconfig("one"));
  expect([again, again === first]).toEqual([["one"], false]);
});
