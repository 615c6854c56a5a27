// Messages in people's own words: Mustache templates over a message. Mustache has no code to run; what is narrowed here
// is what its implementation allows beyond that: names that the message does not hold itself, other templates, other
// delimiters, and loops within loops that would grow without end.

import mustache from "mustache";
import { isMap } from "./is-map.ts";
import type { Message } from "./schema/message.ts";

/** More than this of a rendered template is left out, characters. */
const MAX_RENDERED_LENGTH = 32_768;

/** What stands where a rendered template was cut. */
const CUT = "…";

/** Looks a name up among the values themselves: nothing inherited, nothing called. */
class OwnValues extends mustache.Context {
  override push(view: unknown): OwnValues {
    return new OwnValues(view, this);
  }

  override lookup(name: string): unknown {
    if (name === ".") return this.view;
    const keys = name.split(".");
    for (let context: mustache.Context | undefined = this; context; context = context.parent) {
      let value: unknown = context.view;
      for (const key of keys) value = ownValue(value, key);
      if (value !== undefined && typeof value !== "function") return value;
    }
    return undefined;
  }
}

function ownValue(value: unknown, key: string): unknown {
  return isMap(value) && Object.hasOwn(value, key) ? value[key] : undefined;
}

/** Writes at most so much, and stops looping once it has. */
class BoundedWriter extends mustache.Writer {
  // Each template is parsed once: a cache would keep every template that was ever used.
  templateCache = undefined;
  isCut = false;
  #left = MAX_RENDERED_LENGTH;

  override renderTokens(...args: Parameters<mustache.Writer["renderTokens"]>): string {
    // Tags that write nothing are work too.
    this.#left -= args[0].length;
    this.isCut ||= this.#left < 0;
    return this.isCut ? "" : super.renderTokens(...args);
  }

  override rawValue(token: string[]): string {
    return this.#within(super.rawValue(token));
  }

  override escapedValue(...args: Parameters<mustache.Writer["escapedValue"]>): string {
    return this.#within(super.escapedValue(...args));
  }

  override unescapedValue(...args: Parameters<mustache.Writer["unescapedValue"]>): string {
    return this.#within(super.unescapedValue(...args));
  }

  #within(value: unknown): string {
    const text = String(value ?? "");
    const shown = text.slice(0, Math.max(this.#left, 0));
    this.#left -= text.length;
    this.isCut ||= this.#left < 0;
    return shown;
  }
}

/**
 * The template with the message's values. `{{name}}` is escaped by `escapeValue`, `{{{name}}}` is not; what the message
 * does not have is empty. Cut at about 32,768 characters. Throws for a template that cannot be parsed:
 * `templateProblems` tells why.
 */
export function renderTemplate(
  template: string,
  message: Message,
  escapeValue: (text: string) => string,
): string {
  const writer = new BoundedWriter();
  const config = { escape: (value: unknown) => escapeValue(String(value)) };
  const text = writer.render(template, new OwnValues(message), undefined, config);
  return writer.isCut ? text + CUT : text;
}

/** A part of a parsed template: text, a tag, or a section with what is in it. Places are offsets into the template. */
export type Token = [kind: string, value: string, start: number, end: number, inner?: Token[]];

/** The parts of a template. Throws an Error of Mustache's own, which ends with the place, ` at 12`. */
export function parseTemplate(template: string): Token[] {
  return new BoundedWriter().parse(template) as Token[];
}
