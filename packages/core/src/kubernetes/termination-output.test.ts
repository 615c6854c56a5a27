import { expect, test } from "vitest";
import { parseTerminationOutput } from "./termination-output.ts";

test.each<[what: string, message: string, output: Record<string, string>]>([
  ["one value", "VERSION=1.4.0", { VERSION: "1.4.0" }],
  ["lines", "A=1\nB=two words \nlower_case=x\n", { A: "1", B: "two words", lower_case: "x" }],
  ["Windows line ends", "A=1\r\nB='x'\r\n", { A: "1", B: "x" }],
  ["comments and blank lines", "# built by ci\n\nA=1\n  # done\n \n", { A: "1" }],
  ["export", "export A=1\n  export\tB=2", { A: "1", B: "2" }],
  ["no value", "A=\nB=\"\"\nC=''", { A: "", B: "", C: "" }],
  [
    "values with `=`, `#` and `$`",
    "URL=https://a/b?c=d#e\nP=$HOME",
    { URL: "https://a/b?c=d#e", P: "$HOME" },
  ],
  ["double quotes", 'A="x # y"\nB="a\\nb\\t\\"c\\" \\\\ \\$d" # why', { A: "x # y", B: 'a\nb\t"c" \\ $d' }],
  ["single quotes, which know no escapes", "A='a\\nb \"c\"' # why", { A: 'a\\nb "c"' }],
  ["quotes around many lines", "A=\"one\ntwo\"\nB='three\nfour'", { A: "one\ntwo", B: "three\nfour" }],
  ["quotes inside a value", 'A=it\'s "so"', { A: 'it\'s "so"' }],
  ["a name twice: the last counts", "A=1\nA=2", { A: "2" }],
  [
    "names of JavaScript",
    "__proto__=x\nconstructor=y",
    Object.fromEntries([
      ["__proto__", "x"],
      ["constructor", "y"],
    ]),
  ],
])("%s is output", (_what, message, output) => {
  expect(parseTerminationOutput(message)).toEqual(output);
});

test.each([
  ["nothing", ""],
  ["blank lines and comments alone", "\n# nothing\n"],
  ["a sentence", "connection refused"],
  ["a sentence behind values", "A=1\nbut then it failed"],
  ["a sentence before values", "failed:\nA=1"],
  ["spaces around the `=`", "exit code = 3"],
  ["a name that is none", "1A=1"],
  ["a name too long", `${"A".repeat(129)}=1`],
  ["JSON", '{"A": "1"}'],
  ["an open quote", 'A="1\nB=2'],
  ["text after a quote", 'A="1" 2'],
  ["a NUL character", "A=\0"],
  ["a message that was cut at its beginning", `ERSION=${"x".repeat(4089)}`],
])("%s is none", (_what, message) => {
  expect(parseTerminationOutput(message)).toBeUndefined();
});

test("the longest message is read in no time, whatever it is made of", () => {
  const began = performance.now();
  for (const part of ['A="\\', "A=' ", "A= \t", "export ", "\\\\", '"', "#\n"]) {
    parseTerminationOutput(`A="${part.repeat(4000 / part.length)}`.slice(0, 4095));
    parseTerminationOutput(part.repeat(4000 / part.length));
  }
  expect(performance.now() - began).toBeLessThan(500);
});
