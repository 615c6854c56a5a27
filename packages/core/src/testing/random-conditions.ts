// Random conditions: well typed ones over the names of `SCOPE`, ones of literals alone, and ones of any shape.

import fc from "fast-check";

type Kind = "bool" | "int" | "double" | "text" | "texts" | "ints";

/** Expressions of each kind, over these leaves. */
function expressions(leaves: Readonly<Record<Kind, readonly string[]>>, items: readonly string[]) {
  const leaf = (kind: Kind) => fc.constantFrom(...leaves[kind]);
  const item = fc.constantFrom(...items);
  return fc.letrec<Record<Kind, string>>((tie) => {
    const pair = (kind: Kind, operators: readonly string[]) =>
      fc
        .tuple(tie(kind), fc.constantFrom(...operators), tie(kind))
        .map(([a, operator, b]) => `(${a} ${operator} ${b})`);
    const choice = (kind: Kind) =>
      fc.tuple(tie("bool"), tie(kind), tie(kind)).map(([condition, a, b]) => `(${condition} ? ${a} : ${b})`);
    const loop = (list: "texts" | "ints", word: string, body: Kind) =>
      fc
        .tuple(tie(list), item, tie(body), fc.constantFrom("==", "!="))
        .map(([over, name, other, operator]) => `${over}.${word}(${name}, ${name} ${operator} ${other})`);
    const method = (name: string) => fc.tuple(tie("text"), tie("text")).map(([a, b]) => `${a}.${name}(${b})`);
    const call = (kind: Kind, template: (of: string) => string) => tie(kind).map(template);
    const order = ["==", "!=", "<", "<=", ">", ">="];
    return {
      bool: fc.oneof(
        { maxDepth: 4, depthIdentifier: "condition" },
        leaf("bool"),
        pair("bool", ["&&", "||", "==", "!="]),
        call("bool", (of) => `!${of}`),
        pair("int", order),
        pair("double", order),
        pair("text", order),
        pair("texts", ["==", "!="]),
        choice("bool"),
        fc.constantFrom("contains", "startsWith", "endsWith").chain(method),
        call("text", (of) => `${of}.matches("a+|^b")`),
        fc.tuple(tie("text"), tie("texts")).map(([a, b]) => `(${a} in ${b})`),
        fc.tuple(tie("int"), tie("ints")).map(([a, b]) => `(${a} in ${b})`),
        fc.constantFrom("all", "exists", "exists_one").chain((word) => loop("texts", word, "text")),
        fc.constantFrom("all", "exists", "exists_one").chain((word) => loop("ints", word, "int")),
      ),
      int: fc.oneof(
        { maxDepth: 4, depthIdentifier: "condition" },
        leaf("int"),
        pair("int", ["+", "-", "*", "/", "%"]),
        call("int", (of) => `(-${of})`),
        call("text", (of) => `size(${of})`),
        call("texts", (of) => `${of}.size()`),
        // Of an empty text the library makes 0.
        call("text", (of) => `int("1" + ${of})`),
        fc.tuple(tie("ints"), tie("int")).map(([list, at]) => `${list}[${at}]`),
        choice("int"),
      ),
      double: fc.oneof(
        { maxDepth: 4, depthIdentifier: "condition" },
        leaf("double"),
        pair("double", ["+", "-", "*"]),
        call("int", (of) => `double(${of})`),
        choice("double"),
      ),
      text: fc.oneof(
        { maxDepth: 4, depthIdentifier: "condition" },
        leaf("text"),
        pair("text", ["+"]),
        call("int", (of) => `string(${of})`),
        fc
          .constantFrom("trim", "lowerAscii", "upperAscii")
          .chain((name) => call("text", (of) => `${of}.${name}()`)),
        fc.tuple(tie("texts"), tie("text")).map(([list, between]) => `${list}.join(${between})`),
        fc.tuple(tie("texts"), tie("int")).map(([list, at]) => `${list}[${at}]`),
        choice("text"),
      ),
      texts: fc.oneof(
        { maxDepth: 4, depthIdentifier: "condition" },
        leaf("texts"),
        pair("texts", ["+"]),
        fc.array(tie("text"), { minLength: 1, maxLength: 3 }).map((all) => `[${all.join(", ")}]`),
        method("split"),
        loop("texts", "filter", "text"),
        fc.tuple(tie("texts"), item).map(([list, name]) => `${list}.map(${name}, ${name} + "x")`),
      ),
      ints: fc.oneof(
        { maxDepth: 4, depthIdentifier: "condition" },
        leaf("ints"),
        pair("ints", ["+"]),
        fc.array(tie("int"), { minLength: 1, maxLength: 3 }).map((all) => `[${all.join(", ")}]`),
        loop("ints", "filter", "int"),
        fc
          .tuple(tie("texts"), item)
          .map(([list, name]) => `${list}.map(${name}, ${name} != "a", ${name}.size())`),
      ),
    };
  });
}

const literals: Record<Kind, readonly string[]> = {
  bool: ["true", "false"],
  int: ["0", "1", "2", "7", "9223372036854775807"],
  double: ["0.5", "2.0", "-1.25"],
  text: ['""', '"a"', '"b a"', "'B'", '"12"'],
  texts: ['["a"]', '["a", "b"]', '["b"]'],
  ints: ["[0]", "[1, 2]", "[7]"],
};

/** Conditions without variables, in the part of CEL that every implementation of it has. */
export const literalConditionArbitrary = expressions(literals, ["x", "y"]).bool;

/**
 * Leaves over the names of `SCOPE`; some of what they name may not be there. A stage that is compared with any text is
 * wrong, one that is part of a text is not.
 */
const named: Record<Kind, readonly string[]> = {
  bool: [
    ...literals.bool,
    "params.DRY_RUN",
    "has(envs.LATE)",
    '("LATE" in envs)',
    "has(tasks.build.outputs.URL)",
  ],
  int: literals.int,
  double: [...literals.double, "params.REPLICAS"],
  text: [
    ...literals.text,
    ...[
      "params.NAME",
      "params.TARGET",
      "envs.TAG",
      "envs.LATE",
      "run.id",
      "run.labels.team",
      "run.labels.other",
    ],
    ...[
      '(run.stage + "")',
      "trigger.by",
      "trigger.tag",
      '(tasks.build.stage + "")',
      'tasks["build-it"].outputs.IMAGE',
    ],
    ...["tasks.build.outputs.URL", 'tasks["first/lint"].outputs["IMAGE"]'],
  ],
  texts: [...literals.texts, "envs.OSES", "tasks.test.outputs.OS", "tasks.test.outputs.NONE"],
  ints: literals.ints,
};

/** Well typed conditions. */
export const conditionArbitrary = expressions(named, ["x", "y"]).bool;

const anyLeaf = [...Object.values(named).flat(), "params", "tasks.build", "[]", "x", "params.GONE", "envs"];

/** Conditions that can be read, and whose types may or may not fit. */
export const mixedConditionArbitrary = expressions(
  { bool: anyLeaf, int: anyLeaf, double: anyLeaf, text: anyLeaf, texts: anyLeaf, ints: anyLeaf },
  ["x", "y"],
).bool;

const WORDS = [
  ...[
    "params",
    "envs",
    "run",
    "trigger",
    "tasks",
    "NAME",
    "REPLICAS",
    "build",
    "stage",
    "outputs",
    "labels",
    "x",
  ],
  ...[
    "true",
    "false",
    "null",
    "in",
    "1",
    "2.5",
    "3u",
    '"a"',
    "'",
    '"',
    'b"a"',
    "has",
    "size",
    "matches",
    "all",
    "map",
  ],
  ...[
    ".",
    "[",
    "]",
    "(",
    ")",
    "{",
    "}",
    ",",
    ":",
    "?",
    "!",
    "-",
    "+",
    "/",
    "%",
    "==",
    "=",
    "!=",
    "<",
    "&&",
    "&",
    "||",
  ],
  ...[" ", "\n", "//", "\\", "`", "$", "é", "😀", "{2,9}", "*", "__proto__", "constructor"],
];

/** Texts of the shape of conditions, most of which are none. */
export const textArbitrary = fc.oneof(
  fc.array(fc.constantFrom(...WORDS), { maxLength: 24 }).map((words) => words.join("")),
  fc.string({ unit: "binary", maxLength: 64 }),
  fc
    .tuple(conditionArbitrary, fc.nat(), fc.nat(8), fc.constantFrom(...WORDS))
    .map(([source, at, count, word]) => {
      const cut = at % (source.length + 1);
      return source.slice(0, cut) + word + source.slice(cut + count);
    }),
);
