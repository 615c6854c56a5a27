// Masking of sensitive values. Imports nothing: the shell supervisor, which must stay small, uses it too.

/** What stands in the place of a sensitive value. */
export const MASK = "***";

/** Shorter values, and shorter lines of many-line values, are not masked: they would garble every text. */
export const MIN_MASKED_LENGTH = 4;
