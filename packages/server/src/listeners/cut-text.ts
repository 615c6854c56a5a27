// Texts for messages whose size a platform limits.

/** The text, at most so many characters; one that is cut ends with `…`. */
export function cutText(text: string, length: number): string {
  if (text.length <= length) return text;
  // Neither half a character nor half of an escape such as `&amp;` stays behind.
  return `${text.slice(0, length - 1).replace(/[\uD800-\uDBFF]$|&#?\w{0,6}$/, "")}…`;
}
