// Comparisons of one value that cannot hold together, such as `a == "x" && a == "y"`, and those of which one always does,
// such as `a != "x" || a != "y"`: what they answer is known without the value.

import { type Expression, type LogicExpression, pathOf, pathText } from "./expression.ts";

type Literal = (Expression & { kind: "literal" })["value"];

/** What comparisons with literals leave of a value: one of these, when there are some, and none of those. */
interface Left {
  oneOf?: readonly Literal[];
  noneOf: readonly Literal[];
}

/** The answer of a `&&` or `||` whatever its values are; nothing when it depends on them. */
export function contradictionIn(logic: LogicExpression): boolean | undefined {
  const isAnd = logic.operator === "&&";
  const byPath = new Map<string, Left>();
  for (const side of sidesOf(logic)) {
    // One of many always holds when all of them cannot be false together.
    const asked = comparisonOf(side, isAnd);
    if (!asked) continue;
    const left = narrowed(byPath.get(asked.path) ?? { noneOf: [] }, asked);
    byPath.set(asked.path, left);
    if (left.oneOf && !left.oneOf.some((each) => !isIn(left.noneOf, each))) return !isAnd;
  }
  return undefined;
}

/** The sides of operators of one kind in a row. */
function sidesOf(logic: LogicExpression): Expression[] {
  const sides: Expression[] = [];
  const open: Expression[] = [logic];
  for (let at = open.pop(); at; at = open.pop()) {
    if (at.kind === "logic" && at.operator === logic.operator) open.push(at.right, at.left);
    else sides.push(at);
  }
  return sides;
}

interface Comparison {
  path: string;
  literals: Literal[];
  /** Whether the value is one of them. */
  isOne: boolean;
}

/** What a side asks of a path; nothing when it compares no path with literals. `isTrue`: else what makes it false. */
function comparisonOf(side: Expression, isTrue: boolean): Comparison | undefined {
  if (side.kind === "not") return comparisonOf(side.of, !isTrue);
  if (side.kind !== "operation") return undefined;
  const { operator, left, right } = side;
  if (operator === "in") return right.kind === "list" ? compared(left, right.items, isTrue) : undefined;
  if (operator !== "==" && operator !== "!=") return undefined;
  const isOne = (operator === "==") === isTrue;
  return compared(left, [right], isOne) ?? compared(right, [left], isOne);
}

function compared(value: Expression, others: readonly Expression[], isOne: boolean): Comparison | undefined {
  const path = pathOf(value);
  const literals = others.flatMap((other) => (other.kind === "literal" ? [other.value] : []));
  if (!path || literals.length < others.length) return undefined;
  return { path: pathText(path), literals, isOne };
}

function narrowed({ oneOf, noneOf }: Left, { literals, isOne }: Comparison): Left {
  if (!isOne) return { ...(oneOf && { oneOf }), noneOf: [...noneOf, ...literals] };
  return { oneOf: oneOf ? oneOf.filter((each) => isIn(literals, each)) : literals, noneOf };
}

/** Whole numbers and others are the same when they are as large. */
function isIn(literals: readonly Literal[], literal: Literal): boolean {
  const isNumber = (value: Literal) => typeof value === "number" || typeof value === "bigint";
  return literals.some(
    (each) => each === literal || (isNumber(each) && isNumber(literal) && Number(each) === Number(literal)),
  );
}
