// Texts for messages whose size a platform limits.

/** The text, at most so many UTF-16 units; one that is cut ends with `…`, and never within a character. */
export function cutText(text: string, length: number): string {
  if (text.length <= length) return text;
  return `${text.slice(0, Math.max(0, length - 1)).replace(/[\uD800-\uDBFF]$/, "")}…`;
}
