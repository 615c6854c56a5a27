// Checks a rendered runner spec. It was checked when the job was applied; but only rendering fills in the
// params, and a param can make a value that the schema does not allow.

import type { Static, TSchema } from "typebox";
import { MflowError } from "./errors.ts";
import { validateValue } from "./validate.ts";

/** The spec as its type. Throws RUNNER_REFUSED, which names each wrong value. */
export function checkedSpec<S extends TSchema>(schema: S, spec: unknown): Static<S> {
  const details = validateValue(schema, spec, "/runnerSpec");
  if (details.length === 0) return spec as Static<S>;
  const problems = details.map(({ path, message }) => `${path}: ${message}`).join("; ");
  throw new MflowError("RUNNER_REFUSED", `the rendered runner spec is not valid: ${problems}`, details);
}
