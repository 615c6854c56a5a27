// Sizes as people read them.

const UNITS = ["bytes", "KiB", "MiB", "GiB", "TiB"];

/** e.g. `512 bytes`, `1.5 MiB`, `20 GiB`. */
export function readableSize(bytes: number): string {
  let value = bytes;
  let unit = 0;
  for (; value >= 1024 && unit < UNITS.length - 1; unit++) value /= 1024;
  return `${Number(value.toFixed(value < 10 && unit > 0 ? 1 : 0))} ${UNITS[unit]}`;
}
