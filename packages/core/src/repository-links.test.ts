import { expect, test } from "vitest";
import { commitLink, compareLink, repositoryLink } from "./repository-links.ts";

const A = "bfacd86c0b1a";
const B = "0123456789abcdef0123456789abcdef01234567";

test.each([
  ["https://gitlab.com/web/shop.git", undefined, `https://gitlab.com/web/shop/-/compare/${A}...${B}`],
  ["https://gitlab.corp.cn:8443/a/b/c", undefined, `https://gitlab.corp.cn:8443/a/b/c/-/compare/${A}...${B}`],
  ["https://code.corp.cn/a/b.git", "gitlab", `https://code.corp.cn/a/b/-/compare/${A}...${B}`],
  ["https://github.com/web/shop.git", undefined, `https://github.com/web/shop/compare/${A}...${B}`],
  ["http://git.local/web/shop", "GITEA", `http://git.local/web/shop/compare/${A}...${B}`],
  ["https://codeberg.org/web/shop/", undefined, `https://codeberg.org/web/shop/compare/${A}...${B}`],
  [
    "https://oauth2:secret@gitlab.com/web/shop.git",
    undefined,
    `https://gitlab.com/web/shop/-/compare/${A}...${B}`,
  ],
])("%s (%s) is compared at %s", (url, provider, link) => {
  expect(compareLink({ url, provider }, A, B)).toBe(link);
});

test.each([
  ["https://git.corp.cn/web/shop.git", undefined],
  ["git@gitlab.com:web/shop.git", undefined],
  ["javascript:alert(1)//gitlab.com/a", "GITLAB"],
  ["https://gitlab.com", undefined],
  ["", "GITLAB"],
  ["https://notgithub.example.com/web/shop", undefined],
])("%s (%s) has no page that is known", (url, provider) => {
  expect(compareLink({ url, provider }, A, B)).toBeUndefined();
});

test("what is no commit gets no link", () => {
  const repository = { url: "https://github.com/web/shop" };
  expect(commitLink(repository, A)).toBe(`https://github.com/web/shop/commit/${A}`);
  for (const text of ["", "main", "../../evil", `${A}?x`, "abc"]) {
    expect([
      commitLink(repository, text),
      compareLink(repository, text, B),
      compareLink(repository, B, text),
    ]).toEqual([undefined, undefined, undefined]);
  }
});

test("the page of a repository shows no password", () => {
  expect(repositoryLink({ url: "https://me:pw@git.corp.cn/web/shop.git?x=1#y" })).toBe(
    "https://git.corp.cn/web/shop",
  );
});
