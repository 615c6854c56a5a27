// How messages show what somebody wrote: between backticks, on one line, never long.

const MAX_SHOWN = 60;

/** The text between backticks, shortened to 60 characters; control characters are written as escapes. */
export function quoted(text: string): string {
  const shown = text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}...` : text;
  return `\`${JSON.stringify(shown).slice(1, -1).replaceAll('\\"', '"').replaceAll("\\\\", "\\")}\``;
}

/** `a`, `a or b`, `a, b or c`. */
export function alternatives(words: readonly string[]): string {
  if (words.length < 2) return words.join("");
  return `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
}
