// Rules on the templates of messages: they parse, and what they name is in a message.

import { parseTemplate, type Token } from "../message-template.ts";
import { didYouMean } from "../nearest.ts";
import { quoted } from "../quoted.ts";
import { Message } from "../schema/message.ts";

/** What is wrong with a template, and where in it. */
export interface TemplateProblem {
  message: string;
  /** From 1. */
  line: number;
  /** From 1. */
  column: number;
}

/** The part of JSON Schema that messages are made of. */
interface Shape {
  type?: string;
  properties?: Record<string, Shape>;
  patternProperties?: Record<string, Shape>;
  items?: Shape;
}

/** More of one template help nobody. */
const MAX_PROBLEMS = 20;
/** Sections in sections; messages are not as deep. */
const MAX_DEPTH = 16;

/** The problems of a template, none when it is right: what does not parse, and what a message does not have. */
export function templateProblems(template: string): TemplateProblem[] {
  const problem = (at: number, message: string) => ({ message, ...placeIn(template, at) });
  let tokens: Token[];
  try {
    tokens = parseTemplate(template);
  } catch (cause) {
    const [, what = String(cause), at = "0"] = /^(.*) at (\d+)$/.exec((cause as Error).message) ?? [];
    return [problem(Number(at), parseProblem(what))];
  }
  const found = problemsOf(tokens, [Message as Shape]).take(MAX_PROBLEMS);
  return [...found].map(({ at, message }) => problem(at, message));
}

/** Mustache's own sentence with what to do. */
function parseProblem(what: string): string {
  const [, name = ""] = /"(.*)"/s.exec(what) ?? [];
  if (what.startsWith("Unclosed tag")) return "a tag is not closed; add `}}`";
  if (what.startsWith("Unopened section")) return `${quoted(`{{/${name}}}`)} closes nothing; remove it`;
  if (what.startsWith("Unclosed section")) {
    return `the section ${quoted(`{{#${name}}}`)} is not closed here; add ${quoted(`{{/${name}}}`)}`;
  }
  return "delimiters cannot be changed; write `{{` and `}}`";
}

function placeIn(template: string, at: number): { line: number; column: number } {
  const before = template.slice(0, at);
  return { line: before.split("\n").length, column: at - before.lastIndexOf("\n") };
}

interface Found {
  at: number;
  message: string;
}

/** `contexts`: what the sections around the tokens are about, innermost first. */
function* problemsOf(tokens: readonly Token[], contexts: readonly Shape[], inList = false): Generator<Found> {
  const [shapeHere = {}] = contexts;
  for (const [kind, name, at, , inner = []] of tokens) {
    if (kind === ">") yield { at, message: "templates cannot include others; remove the tag" };
    if (kind === "=") yield { at, message: "delimiters cannot be changed; remove the tag" };
    if (!["name", "&", "#", "^"].includes(kind)) continue;
    const shape = lookUp(name, contexts);
    if (!shape) {
      yield { at, message: unknownName(name, contexts) };
      continue;
    }
    const isSection = kind === "#" || kind === "^";
    if (!isSection && isMap(shape)) yield { at, message: mapMessage(name, shape) };
    if (!isSection && shape.items) yield { at, message: listMessage(name, shape.items) };
    if (isSection && contexts.length > MAX_DEPTH) {
      yield {
        at,
        message: `sections are at most ${MAX_DEPTH} deep; close one before ${tag(`${kind}${name}`)}`,
      };
    } else if (kind === "#" && shape.items && inList) {
      yield {
        at,
        message: `a list inside a list is not gone through; close the outer section before ${tag(`#${name}`)}`,
      };
    } else if (kind === "#") {
      yield* problemsOf(inner, [shape.items ?? shape, ...contexts], inList || shape.items !== undefined);
    } else if (kind === "^") yield* problemsOf(inner, [shapeHere, ...contexts], inList);
  }
}

function isMap({ type }: Shape): boolean {
  return type === "object";
}

function lookUp(name: string, contexts: readonly Shape[]): Shape | undefined {
  if (name === ".") return contexts[0];
  for (const context of contexts) {
    let shape: Shape | undefined = context;
    for (const key of name.split(".")) shape = shape && member(shape, key);
    if (shape) return shape;
  }
  return undefined;
}

function member({ properties, patternProperties }: Shape, key: string): Shape | undefined {
  if (properties && Object.hasOwn(properties, key)) return properties[key];
  return Object.values(patternProperties ?? {})[0];
}

function tag(name: string): string {
  return quoted(`{{${name}}}`);
}

function unknownName(name: string, contexts: readonly Shape[]): string {
  if (name === "") return "a tag is empty; name a value of the message in it";
  const parts = name.split(".");
  for (let length = parts.length - 1; length > 0; length--) {
    const outer = parts.slice(0, length).join(".");
    const items = lookUp(outer, contexts)?.items;
    if (items) return listMessage(outer, items);
  }
  const known = contexts.flatMap((shape) => [...namesIn(shape, "")]);
  const remedy =
    didYouMean(name, known) || `; known here are ${known.slice(0, 12).map(quoted).join(", ")}, ...`;
  return `a message has no ${quoted(name)}${remedy}`;
}

/** The names of single values and lists below a map, e.g. `task.job.name`. */
function* namesIn({ properties = {} }: Shape, before: string): Generator<string> {
  for (const [key, shape] of Object.entries(properties)) {
    yield before + key;
    if (isMap(shape)) yield* namesIn(shape, `${before}${key}.`);
  }
}

function mapMessage(name: string, shape: Shape): string {
  const [first = "KEY"] = namesIn(shape, "");
  return `${quoted(name)} is a map; name one of its values, e.g. ${tag(name === "." ? first : `${name}.${first}`)}`;
}

function listMessage(name: string, item: Shape): string {
  const [first = "."] = isMap(item) ? namesIn(item, "") : ["."];
  const example = `{{#${name}}}{{${first}}} {{/${name}}}`;
  return `${quoted(name)} is a list; go through it, e.g. \`${example}\``;
}
