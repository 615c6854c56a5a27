// Reads the text of a condition. The grammar is CEL's and a library knows it; what is built of its tree is only what a
// condition may have, so that whatever else the library can do is never reached.

import { type ASTNode, Environment, ParseError } from "@marcbachmann/cel-js";
import { alternatives, quoted } from "../quoted.ts";
import { type Expression, type FieldExpression, LOOPS, type LoopWord, type Span } from "./expression.ts";
import { functionNames } from "./functions.ts";
import { nearestRemedy } from "./names.ts";
import { compilePattern, MAX_PATTERN_SIZE } from "./pattern.ts";
import { placeIn, UnreadableCondition } from "./problem.ts";
import { isVariable, VARIABLES } from "./variables.ts";

/** Longest source of a condition, UTF-16 units. */
const MAX_CONDITION_LENGTH = 4096;

/** How deep expressions may stand in each other: what walks over them calls itself. */
const MAX_DEPTH = 256;
const MAX_LIST_ITEMS = 512;
const MAX_INT = 2n ** 63n - 1n;

const grammar = new Environment({
  unlistedVariablesAreDyn: true,
  limits: { maxAstNodes: MAX_CONDITION_LENGTH, maxDepth: MAX_DEPTH, maxListElements: MAX_LIST_ITEMS },
});

/** The parts of a condition. Throws an `UnreadableCondition` for a text that is none. */
export function parseCondition(source: string): Expression {
  if (source.trim() === "") {
    throw new UnreadableCondition("the condition is empty; say when it shall run, or leave it out", 0);
  }
  if (source.length > MAX_CONDITION_LENGTH) {
    throw new UnreadableCondition(
      `the condition has ${source.length} characters, and at most ${MAX_CONDITION_LENGTH} are allowed; ` +
        "let a task compute it and hand on the answer",
      MAX_CONDITION_LENGTH,
    );
  }
  try {
    return new Reader(source).read(grammar.parse(source).ast, 0);
  } catch (error) {
    if (error instanceof ParseError) throw unreadable(source, error);
    throw error;
  }
}

function unreadable(source: string, error: ParseError): UnreadableCondition {
  const offset = Math.min(error.node?.pos ?? error.range?.start ?? 0, source.length);
  const end = Math.max(error.node?.end ?? 0, offset + 1);
  return new UnreadableCondition(
    `${syntaxSentence(source, error, offset, end)} (${placeIn(source, offset)})`,
    offset,
  );
}

function syntaxSentence(source: string, { code, summary }: ParseError, offset: number, end: number): string {
  const found = source.slice(offset, end);
  if (code === "limit_exceeded") return "the condition is too deep or has too many parts; split it";
  if (code === "unterminated_string" || code === "unterminated_triple_quoted_string") {
    return "the quotes are not closed; end the text with the same quote";
  }
  if (code === "newline_in_string") return "a text in quotes ends on its line; write \\n for a line break";
  if (code === "reserved_identifier")
    return `CEL keeps the word ${quoted(found)} for itself; use another name`;
  if (code === "invalid_macro_argument") {
    return 'the first argument names the item, as in `list.exists(item, item == "a")`';
  }
  if (source.slice(offset).trim() === "") return "the condition ends too early; something has to follow";
  const meant = code === "unexpected_character" && found[0] ? MEANT[found[0]] : undefined;
  if (meant) return `${quoted(found[0] ?? "")} says nothing in CEL; write ${meant}`;
  if (/^(and|or|not)\b/i.test(source.slice(offset))) {
    return "CEL writes `&&`, `||` and `!` for and, or and not";
  }
  if (code === "expected_token" || code.startsWith("unexpected_")) {
    return `${quoted(found)} cannot stand here; see the parts of a condition in CEL`;
  }
  return `${summary[0]?.toLowerCase()}${summary.slice(1)}; correct it`;
}

/** What people write for what CEL writes otherwise. */
const MEANT: Readonly<Record<string, string>> = {
  "=": "`==` to compare",
  "&": "`&&` for and",
  "|": "`||` for or",
  $: "the name alone, as in `params.NAME`",
  "#": "`//` before a comment",
  "`": "texts in single or double quotes",
};

class Reader {
  readonly #source: string;
  #patternBudget = MAX_PATTERN_SIZE;

  constructor(source: string) {
    this.#source = source;
  }

  #refuse(message: string, { start }: Span): never {
    throw new UnreadableCondition(`${message} (${placeIn(this.#source, start)})`, start);
  }

  read(node: ASTNode, outer: number): Expression {
    const { start, end } = node;
    const span = { start, end };
    const depth = outer + 1;
    if (depth > MAX_DEPTH) this.#refuse("the condition is too deep; split it", span);
    switch (node.op) {
      case "value":
        return this.#literal(node.args, span);
      case "id":
        return { kind: "name", name: node.args, ...span };
      case ".":
        return {
          kind: "field",
          of: this.read(node.args[0], depth),
          name: node.args[1],
          nameStart: node.pos,
          ...span,
        };
      case "[]":
        return this.#index(node.args, span, depth);
      case "!_":
        return { kind: "not", of: this.read(node.args, depth), ...span };
      case "-_":
        return { kind: "minus", of: this.read(node.args, depth), ...span };
      case "&&":
      case "||":
        return { kind: "logic", operator: node.op, ...this.#sides(node.args, depth), ...span };
      case "?:": {
        const [condition, yes, no] = node.args;
        return {
          kind: "choice",
          condition: this.read(condition, depth),
          yes: this.read(yes, depth),
          no: this.read(no, depth),
          ...span,
        };
      }
      case "list":
        return { kind: "list", items: node.args.map((item) => this.read(item, depth)), ...span };
      case "call":
        return this.#call(node.args[0], undefined, node.args[1], span, depth);
      case "rcall":
        return this.#call(node.args[0], node.args[1], node.args[2], span, depth);
      case "map":
        return this.#refuse("a condition has no maps; compare the values one by one", span);
      case ".?":
      case "[?]":
        return this.#refuse("a condition has no `.?`; ask with `has(...)` first", span);
      default:
        return { kind: "operation", operator: node.op, ...this.#sides(node.args, depth), ...span };
    }
  }

  #sides([left, right]: readonly [ASTNode, ASTNode], depth: number) {
    return { left: this.read(left, depth), right: this.read(right, depth) };
  }

  #literal(value: unknown, span: Span): Expression {
    switch (typeof value) {
      case "boolean":
      case "string":
      case "number":
        return { kind: "literal", value, ...span };
      case "bigint":
        if (value > MAX_INT) this.#refuse("the number is too large; whole numbers have 64 bits", span);
        return { kind: "literal", value, ...span };
    }
    if (value === null)
      return this.#refuse("a condition has no `null`; ask with `has(...)` whether there is a value", span);
    return this.#refuse(
      "a condition has texts, numbers, booleans and lists; write a text without `b`, a number without `u`",
      span,
    );
  }

  #index([of, index]: readonly [ASTNode, ASTNode], span: Span, depth: number): Expression {
    const subject = this.read(of, depth);
    const key = this.read(index, depth);
    if (key.kind === "literal" && typeof key.value === "string") {
      return { kind: "field", of: subject, name: key.value, nameStart: key.start, ...span };
    }
    return { kind: "index", of: subject, index: key, ...span };
  }

  #call(
    name: string,
    subject: ASTNode | undefined,
    given: readonly ASTNode[],
    span: Span,
    depth: number,
  ): Expression {
    if (subject && isLoopWord(name)) return this.#loop(name, subject, given, span, depth);
    if (!subject && name === "has") return { kind: "has", of: this.#asked(given, span, depth), ...span };
    const args = [...(subject ? [subject] : []), ...given].map((arg) => this.read(arg, depth));
    if (name === "matches") return this.#matches(args, span);
    const isMethod = subject !== undefined;
    if (!functionNames(isMethod).includes(name)) {
      const known = [...functionNames(isMethod), ...(isMethod ? ["matches", ...LOOPS] : ["has"])];
      this.#refuse(`there is no function ${quoted(name)} here${nearestRemedy(name, known)}`, span);
    }
    return { kind: "call", name, isMethod, args, ...span };
  }

  #asked([asked, ...more]: readonly ASTNode[], span: Span, depth: number): FieldExpression {
    const field = asked && more.length === 0 ? this.read(asked, depth) : undefined;
    if (field?.kind === "field") return field;
    return this.#refuse("`has` asks for one name, as in `has(envs.NAME)`", span);
  }

  #matches([text, pattern, ...more]: readonly Expression[], span: Span): Expression {
    if (!text || pattern?.kind !== "literal" || typeof pattern.value !== "string" || more.length > 0) {
      return this.#refuse(
        '`matches` takes a pattern in quotes, as in `envs.TAG.matches("^v[0-9]+$")`',
        pattern ?? span,
      );
    }
    const compiled = compilePattern(pattern.value, this.#patternBudget);
    if ("problem" in compiled) return this.#refuse(compiled.problem, pattern);
    this.#patternBudget -= compiled.size;
    return { kind: "matches", text, pattern: compiled, ...span };
  }

  #loop(word: LoopWord, subject: ASTNode, given: readonly ASTNode[], span: Span, depth: number): Expression {
    const [item, ...rest] = given;
    const counts = word === "map" ? [1, 2] : [1];
    if (item?.op !== "id" || !counts.includes(rest.length)) {
      return this.#refuse(
        `\`${word}\` takes a name for the item and what to look at, as in ${EXAMPLES[word]}`,
        span,
      );
    }
    if (isVariable(item.args)) {
      this.#refuse(
        `${alternatives(VARIABLES.map((name) => `\`${name}\``))} cannot name an item; take another name`,
        item,
      );
    }
    const over = this.read(subject, depth);
    const [body, ...before] = rest.map((part) => this.read(part, depth)).reverse();
    if (!body) return this.#refuse(`\`${word}\` looks at nothing; write it as in ${EXAMPLES[word]}`, span);
    const [filter] = before;
    return { kind: "loop", word, over, variable: item.args, ...(filter && { filter }), body, ...span };
  }
}

const EXAMPLES: Readonly<Record<LoopWord, string>> = {
  all: '`list.all(item, item != "")`',
  exists: '`list.exists(item, item == "a")`',
  exists_one: '`list.exists_one(item, item == "a")`',
  filter: '`list.filter(item, item != "")`',
  map: "`list.map(item, int(item))`",
};

function isLoopWord(name: string): name is LoopWord {
  return (LOOPS as readonly string[]).includes(name);
}
