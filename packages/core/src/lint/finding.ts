// What a rule finds: a place in one document and a sentence. `lint` adds file, line and column.

export interface Finding {
  /** JSON pointer into the manifest. */
  path: string;
  message: string;
  severity: "error" | "warning";
  /** The key itself is meant, not its value. */
  atKey?: boolean;
}

/** What must be mended before the document can be used. */
export function error(path: string, message: string): Finding {
  return { path, message, severity: "error" };
}

/** What is allowed and is hardly meant. */
export function warning(path: string, message: string): Finding {
  return { path, message, severity: "warning" };
}
