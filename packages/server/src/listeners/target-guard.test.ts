// Which addresses messages may be sent to.

import { expect, test } from "vitest";
import { createTargetGuard, parseAllowedTarget } from "./target-guard.ts";

const refused = [
  "127.0.0.1",
  "127.8.8.8",
  "10.1.1.1",
  "172.16.0.1",
  "192.168.1.1",
  "169.254.169.254",
  "100.64.0.1",
  "224.0.0.1",
  "0.0.0.0",
  "0.1.2.3",
  "255.255.255.255",
  "192.0.2.1",
  "198.18.0.1",
  "240.0.0.1",
  "::",
  "::1",
  "::127.0.0.1",
  "::10.0.0.1",
  "::ffff:127.0.0.1",
  "::ffff:a9fe:a9fe",
  "::ffff:0:127.0.0.1",
  "64:ff9b::127.0.0.1",
  "64:ff9b::a9fe:a9fe",
  "64:ff9b:1::1",
  "2002:7f00:1::",
  "2002:a00:1::1",
  "2001:0:1::1",
  "fe80::1",
  "fe80::1%eth0",
  "fec0::1",
  "fc00::1",
  "fd12:3456::1",
  "ff02::1",
  "2001:db8::1",
  "100::1",
  "200::1",
  "1::1",
  "4000::1",
  "2606:4700::5efe:7f00:1",
  "2606:4700::200:5efe:a00:1",
  "not an address",
  "",
];
const allowed = [
  "8.8.8.8",
  "1.1.1.1",
  "2606:4700::1111",
  "::ffff:8.8.8.8",
  "64:ff9b::808:808",
  "2002:808:808::1",
];

test("only public addresses are dialled, in whatever form they are written", () => {
  const guard = createTargetGuard([]);
  const allows = (address: string) => guard.allows("example.com", address);
  expect(refused.filter(allows)).toEqual([]);
  expect(allowed.filter(allows)).toEqual(allowed);
});

test("ranges, addresses and names of hosts can be allowed", () => {
  const guard = createTargetGuard(["10.1.0.0/16", "192.168.7.7", "fd00::/8", "Hooks.Internal"]);
  const asked: [string, string][] = [
    ["a.example", "10.1.2.3"],
    ["a.example", "::ffff:10.1.2.3"],
    ["a.example", "64:ff9b::a01:203"],
    ["a.example", "10.2.2.3"],
    ["a.example", "192.168.7.7"],
    ["a.example", "192.168.7.8"],
    ["a.example", "fd12::1"],
    ["a.example", "fe80::1"],
    ["hooks.internal", "127.0.0.1"],
    ["HOOKS.internal.", "127.0.0.1"],
    ["evil.hooks.internal", "127.0.0.1"],
  ];
  expect(asked.map(([host, address]) => guard.allows(host, address))).toEqual([
    ...[true, true, true, false, true, false, true, false, true, true, false],
  ]);
});

test("an allowed target is a range, an address or a name, and nothing else", () => {
  const entries = ["10.0.0.0/8", "127.0.0.1", "::1", "fd00::/8", "localhost", "hooks.corp.example"];
  expect(entries.filter((entry) => parseAllowedTarget(entry) === undefined)).toEqual([]);
  const wrong = ["", "10", "10.0.0", "0x7f.1", "10.0.0.0/33", "http://a", "a:80", "*.corp", "a/b", "-a"];
  expect(wrong.filter((entry) => parseAllowedTarget(entry) !== undefined)).toEqual([]);
});
