// Reads request bodies: JSON (and YAML text where a route takes manifests), with the limits that must hold
// before anything looks at the content: valid UTF-8, depth, no keys that poison prototypes.

import { isUtf8 } from "node:buffer";
import { MflowError } from "@mflow/core/errors";
import type { FastifyInstance } from "fastify";
import secureJson from "secure-json-parse";

const MAX_BODY_DEPTH = 64;

export const YAML_TYPES = ["application/yaml", "application/x-yaml", "text/yaml", "text/x-yaml"];

/** A body that came as YAML text; whoever takes manifests parses it. */
export class YamlText {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** Depth of a JSON text's arrays and objects, counted without parsing it; stops counting above `limit`. */
export function jsonDepth(text: string, limit: number): number {
  let depth = 0;
  let deepest = 0;
  for (let index = 0; index < text.length; index++) {
    switch (text.charCodeAt(index)) {
      case 0x22: // a string: skip to its end, over escaped characters
        for (index++; index < text.length && text.charCodeAt(index) !== 0x22; index++) {
          if (text.charCodeAt(index) === 0x5c) index++;
        }
        break;
      case 0x5b: // [
      case 0x7b: // {
        depth++;
        if (depth > deepest) deepest = depth;
        if (deepest > limit) return deepest;
        break;
      case 0x5d: // ]
      case 0x7d: // }
        depth--;
        break;
    }
  }
  return deepest;
}

/** Text of a body's bytes; refuses what is not UTF-8. */
export function decodeBody(bytes: Buffer): string {
  if (!isUtf8(bytes)) throw new MflowError("BAD_REQUEST", "The body is not valid UTF-8.");
  const text = bytes.toString("utf8");
  return text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
}

const SEALED_PREFIX = "sealed:v1:";

function holdsSealedText(value: unknown): boolean {
  if (typeof value === "string") return value.startsWith(SEALED_PREFIX);
  if (value === null || typeof value !== "object") return false;
  return Object.values(value).some(holdsSealedText);
}

/**
 * Refuses ciphertexts: sealed values are made here and never leave, so one that comes in is forged, or copied
 * from where nobody should read. `text` is its JSON, where there is one: most have neither the prefix nor an escape
 * that could hide it.
 */
export function refuseSealedTexts(value: unknown, text?: string): void {
  if (text !== undefined && !text.includes(SEALED_PREFIX) && !text.includes("\\u")) return;
  if (!holdsSealedText(value)) return;
  throw new MflowError(
    "BAD_REQUEST",
    `A text of the body begins with \`${SEALED_PREFIX}\`; give the value itself.`,
  );
}

/** The value of a JSON body; nothing when it is empty. */
export function parseJsonBody(bytes: Buffer): unknown {
  const text = decodeBody(bytes);
  if (text.trim() === "") return undefined;
  if (jsonDepth(text, MAX_BODY_DEPTH) > MAX_BODY_DEPTH) {
    throw new MflowError("TOO_LARGE", `The body is nested deeper than ${MAX_BODY_DEPTH} levels.`);
  }
  let value: unknown;
  try {
    value = secureJson.parse(text, undefined, { protoAction: "error", constructorAction: "error" });
  } catch (error) {
    throw new MflowError("BAD_REQUEST", `The body is not valid JSON: ${(error as Error).message}`);
  }
  refuseSealedTexts(value, text);
  return value;
}

/** Makes JSON the only type of body that an app reads; everything else is answered with 415. */
export function useJsonBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("application/json", { parseAs: "buffer" }, (_request, bytes, done) => {
    try {
      done(null, parseJsonBody(bytes as Buffer));
    } catch (error) {
      done(error as Error);
    }
  });
}

/** Gives the routes of a scope the bytes of a body, whatever type it has or says to have. */
export function useRawBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", { parseAs: "buffer" }, (_request, bytes, done) => done(null, bytes));
}

/** Gives the routes of a scope the body as it comes, whatever type it has or says to have. */
export function useStreamedBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", (_request, payload, done) => done(null, payload));
}

/** Lets the routes of a scope take YAML text too. */
export function useYamlBodies(app: FastifyInstance): void {
  app.addContentTypeParser(YAML_TYPES, { parseAs: "buffer" }, (_request, bytes, done) => {
    try {
      done(null, new YamlText(decodeBody(bytes as Buffer)));
    } catch (error) {
      done(error as Error);
    }
  });
}
