// Masking of sensitive values. Imports nothing: the shell supervisor, which must stay small, uses it too.
//
// All values are looked for at once by an Aho-Corasick automaton, so that masking takes time proportional to
// the text, however many values there are and whatever they look like: the author of a task chooses both the
// values and the output, and must not be able to slow others down.

/** What stands in the place of a sensitive value. */
export const MASK = "***";

/** Shorter values, and shorter lines of many-line values, are not masked: they would garble every text. */
const MIN_MASKED_LENGTH = 4;

/** Masks one text. */
export type Masker = (text: string) => string;

/** Masks a text that comes in pieces; the outputs joined are the masked whole, however it was cut. */
export interface StreamMasker {
  /** Takes a piece and returns what is certain by now; holds back at most the longest value less one character. */
  push(chunk: string): string;
  /** Returns the rest; the masker is then ready for another text. */
  end(): string;
}

/**
 * Prepares masking: each value and each line of a many-line value, as it is and trimmed, from 4 characters on.
 * Values that overlap in a text become one `***`, so that no part of either shows.
 * No value is in the result, not even one made of asterisks; masking twice changes nothing.
 */
export function createMasker(secrets: readonly string[]): Masker {
  const patterns = patternsOf(secrets);
  if (patterns.length === 0) return (text) => text;
  const automaton = buildAutomaton(patterns);
  return (text) => {
    const stream = openStream(automaton);
    return stream.push(text) + stream.end();
  };
}

/** Like `createMasker`, for a text that comes in pieces. */
export function createStreamMasker(secrets: readonly string[]): StreamMasker {
  const patterns = patternsOf(secrets);
  if (patterns.length === 0) return { push: (chunk) => chunk, end: () => "" };
  return openStream(buildAutomaton(patterns));
}

/** What is looked for, each once, longest first. */
function patternsOf(secrets: readonly string[]): string[] {
  const patterns = new Set<string>();
  const add = (text: string) => {
    const trimmed = text.trim();
    if (text.length >= MIN_MASKED_LENGTH) patterns.add(text);
    if (trimmed.length >= MIN_MASKED_LENGTH) patterns.add(trimmed);
  };
  for (const secret of secrets) {
    add(secret);
    if (!/[\n\r]/.test(secret)) continue;
    // Lines may end in either way, and a carriage return inside one may be an end too. Blank lines are no
    // secret, and masking them would garble every indentation.
    for (const line of secret.split(/\r?\n/)) {
      for (const part of [line, ...line.split("\r")]) if (part.trim() !== "") add(part);
    }
  }
  return [...patterns].sort((a, b) => b.length - a.length);
}

/** States are the prefixes of the patterns, by number; 0 is the empty one. */
interface Automaton {
  /** The longest prefix of a pattern that ends the text read so far, after one more UTF-16 unit. */
  step(state: number, code: number): number;
  /** Whether a pattern starts with the unit. */
  starts(code: number): boolean;
  /** Length of the prefix that a state is. */
  depth: Int32Array;
  /** Length of the longest pattern that ends in a state; 0 when none does. */
  longest: Int32Array;
  /** When patterns contain `*`: a character that is in none of them. */
  separator: string | undefined;
}

/** Takes time and memory proportional to the patterns. They must come longest first and not be empty. */
function buildAutomaton(patterns: readonly string[]): Automaton {
  const size = patterns.reduce((sum, pattern) => sum + pattern.length, 1);
  const depth = new Int32Array(size);
  const longest = new Int32Array(size);
  const fail = new Int32Array(size);
  // Almost every state has one child, kept in arrays; further ones are in the map.
  const firstCode = new Int32Array(size).fill(-1);
  const firstChild = new Int32Array(size);
  const branching = new Uint8Array(size);
  const furtherChildren = new Map<number, number>();

  const childOf = (state: number, code: number): number => {
    if (firstCode[state] === code) return firstChild[state] as number;
    return branching[state] === 1 ? (furtherChildren.get(state * 65536 + code) ?? 0) : 0;
  };
  const step = (from: number, code: number): number => {
    let state = from;
    for (;;) {
      const child = childOf(state, code);
      if (child !== 0 || state === 0) return child;
      state = fail[state] as number;
    }
  };

  // All patterns grow by one unit per round, so a state's shorter suffixes exist before the state itself.
  const stateOf = new Int32Array(patterns.length);
  let states = 1;
  let active = patterns.length;
  for (let length = 1; active > 0; length++) {
    for (let index = 0; index < active; index++) {
      const pattern = patterns[index] as string;
      const parent = stateOf[index] as number;
      const code = pattern.charCodeAt(length - 1);
      let state = childOf(parent, code);
      if (state === 0) {
        state = states++;
        if (firstCode[parent] === -1) {
          firstCode[parent] = code;
          firstChild[parent] = state;
        } else {
          branching[parent] = 1;
          furtherChildren.set(parent * 65536 + code, state);
        }
        const shorter = parent === 0 ? 0 : step(fail[parent] as number, code);
        fail[state] = shorter;
        depth[state] = length;
        longest[state] = longest[shorter] as number;
      }
      if (pattern.length === length) longest[state] = length;
      stateOf[index] = state;
    }
    while (active > 0 && patterns[active - 1]?.length === length) active--;
  }

  const latinStarts = new Uint8Array(256);
  for (const pattern of patterns) latinStarts[pattern.charCodeAt(0)] = 1; // Beyond the end: ignored.
  const starts = (code: number) => (code < 256 ? latinStarts[code] === 1 : childOf(0, code) !== 0);
  return { step, starts, depth, longest, separator: separatorFor(patterns) };
}

function separatorFor(patterns: readonly string[]): string | undefined {
  if (!patterns.some((pattern) => pattern.includes("*"))) return undefined;
  let code = 0xb7; // A middle dot, unless a pattern has one.
  while (patterns.some((pattern) => pattern.includes(String.fromCharCode(code)))) code++;
  return String.fromCharCode(code);
}

function openStream({ step, starts, depth, longest, separator }: Automaton): StreamMasker {
  let state = 0;
  /** Text read but not given out: a later match may still begin in it. */
  let held = "";
  /** Matches within `held`, apart from each other and in order: start, end, start, end, ... */
  let spans: number[] = [];
  let outputState = 0;

  /** Reads the text from `index` on and notes the matches; overlapping ones become one. */
  const read = (text: string, index: number) => {
    for (let at = index; at < text.length; at++) {
      const code = text.charCodeAt(at);
      if (state === 0 && !starts(code)) continue;
      state = step(state, code);
      const length = longest[state] as number;
      if (length === 0) continue;
      let start = at + 1 - length;
      while (spans.length > 0 && (spans[spans.length - 1] as number) > start) {
        start = Math.min(start, spans[spans.length - 2] as number);
        spans.length -= 2;
      }
      spans.push(start, at + 1);
    }
  };

  /** Gives out what is certain: all before `safe`, and the match that covers it. Holds back the rest. */
  const give = (text: string, safe: number): string => {
    let output = "";
    let from = 0;
    let next = 0;
    for (; next < spans.length && (spans[next] as number) <= safe; next += 2) {
      const start = spans[next] as number;
      // A start before the text lies in a match that is masked already, which this one prolongs.
      if (start >= 0) output += text.slice(from, start) + MASK;
      from = spans[next + 1] as number;
    }
    if (from < safe) {
      output += text.slice(from, safe);
      from = safe;
    }
    held = text.slice(from);
    spans = spans.slice(next).map((position) => position - from);
    return separator === undefined ? output : separated(output, separator);
  };

  /** Parts a mask from text beside it that together would read as a pattern with asterisks in it. */
  const separated = (output: string, part: string): string => {
    let result = "";
    let from = 0;
    for (let at = 0; at < output.length; at++) {
      const code = output.charCodeAt(at);
      outputState = step(outputState, code);
      if (longest[outputState] === 0) continue;
      result += output.slice(from, at) + part;
      from = at;
      outputState = step(0, code);
    }
    return result + output.slice(from);
  };

  return {
    push(chunk) {
      const text = held + chunk;
      read(text, held.length);
      if (state === 0 && spans.length === 0 && separator === undefined) {
        held = "";
        return text;
      }
      return give(text, text.length - (depth[state] as number));
    },
    end() {
      const rest = give(held, held.length);
      state = 0;
      outputState = 0;
      return rest;
    },
  };
}
