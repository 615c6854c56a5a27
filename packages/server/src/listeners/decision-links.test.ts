import { expect, test } from "vitest";
import { createKeys } from "../auth/keys.ts";
import { createDecisionLinks, DECISION_PAGE, type DecisionLink } from "./decision-links.ts";

const current = new Uint8Array(32).fill(1);
const linksOf = (secrets: { current: Uint8Array; previous?: Uint8Array }) =>
  createDecisionLinks(createKeys(secrets), () => "https://mflow.example.com");
const links = linksOf({ current });

const link: DecisionLink = {
  deliveryId: "dlv-1",
  taskId: "task-1",
  attempt: 2,
  gate: "confirm",
  digest: "d1",
  user: "ann",
  expiresAt: 1000,
};

const tokenOf = (url: string) => decodeURIComponent(new URL(url).pathname.slice(DECISION_PAGE.length));

test("a link opens as what it was made for, until it expires", () => {
  const url = links.url(link, "DENY");
  expect(new URL(url).searchParams.get("verdict")).toBe("DENY");
  expect(url.startsWith("https://mflow.example.com/decide/")).toBe(true);
  expect(links.open(tokenOf(url), 999)).toEqual({ link });
  expect(links.open(tokenOf(url), 1000)).toEqual({ refused: "EXPIRED", link });
});

test("a link for a group names nobody", () => {
  const { user: _, ...anonymous } = link;
  expect(links.open(tokenOf(links.url(anonymous, "PASS")), 0)).toEqual({ link: anonymous });
});

test("a link that was changed, cut, or signed by another key is forged", () => {
  const token = tokenOf(links.url(link, "PASS"));
  const other = tokenOf(links.url({ ...link, user: "bob" }, "PASS"));
  const swapped = `${other.split(".")[0]}.${token.split(".")[1]}`;
  const foreign = tokenOf(linksOf({ current: new Uint8Array(32).fill(2) }).url(link, "PASS"));
  for (const forged of [swapped, foreign, token.slice(0, -1), token.split(".")[0] ?? "", "", "."]) {
    expect(links.open(forged, 0)).toEqual({ refused: "FORGED" });
  }
});

test("a link outlives the rotation of the secret key", () => {
  const token = tokenOf(links.url(link, "PASS"));
  const rotated = linksOf({ current: new Uint8Array(32).fill(3), previous: current });
  expect(rotated.open(token, 0)).toEqual({ link });
});
