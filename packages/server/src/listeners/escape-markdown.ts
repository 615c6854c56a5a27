// Values that a template fills into markdown.

/** The value, written so that markdown shows it as it is (CommonMark, "Backslash escapes"), on one line. */
export function escapeMarkdown(value: string): string {
  return value.replace(/\s*[\r\n]\s*/g, " ").replace(/[!-/:-@[-`{-~]/g, "\\$&");
}
