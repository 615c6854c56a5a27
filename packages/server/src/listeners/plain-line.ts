// Texts of people and work where one line is wanted: nothing in them starts a line of its own, or turns the direction of
// what follows.

/** Line breaks and all other control characters. */
const CONTROL = /[\p{Cc}\p{Zl}\p{Zp}]+/u;
/** Characters that turn the direction of writing (Unicode TR 9): with them a text can look like another one. */
const DIRECTION = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** The text as one line. */
export function oneLine(text: string): string {
  const parts = text.replace(DIRECTION, "").split(CONTROL);
  return parts
    .map((part) => part.trim())
    .filter((part) => part !== "")
    .join(" ");
}
