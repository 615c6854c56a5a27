// Values that a template fills into markdown.

/** The value, written so that markdown shows it as it is (CommonMark, "Backslash escapes"), on one line. */
export function escapeMarkdown(value: string): string {
  const lines = value.split(/[\r\n]+/);
  const line = lines.length === 1 ? value : lines.map((each) => each.trim()).join(" ");
  return line.replace(/[!-/:-@[-`{-~]/g, "\\$&");
}
