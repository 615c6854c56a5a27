// Values as JSON or YAML, for programs.

export type DocumentFormat = "json" | "yaml";

/** The text of a value, with a line end. */
export async function documentText(value: unknown, format: DocumentFormat): Promise<string> {
  if (format === "json") return `${JSON.stringify(value, null, 2)}\n`;
  const { stringify } = await import("yaml");
  return stringify(value, { lineWidth: 0, aliasDuplicateObjects: false });
}
