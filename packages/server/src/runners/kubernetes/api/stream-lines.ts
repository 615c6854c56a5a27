// The lines of a stream of bytes, in batches as they come: one a chunk, so that a stream of many short lines costs little.
// An error of the stream is thrown where it happens.

const NEWLINE = 0x0a;

/**
 * What stands between line breaks, without them; a last line without a break comes at the end. A line longer than
 * `maxBytes` comes in pieces of at most that size. With `unfinished` the last line without a break is told there.
 */
export async function* linesOf(
  body: AsyncIterable<Uint8Array>,
  maxBytes = Number.POSITIVE_INFINITY,
  unfinished?: (text: string) => void,
): AsyncGenerator<string[]> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of body) {
    const bytes =
      rest.length > 0
        ? Buffer.concat([rest, chunk])
        : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
    const lines: string[] = [];
    let start = 0;
    for (let end = bytes.indexOf(NEWLINE); end !== -1; end = bytes.indexOf(NEWLINE, start)) {
      start = pieces(bytes, start, end, maxBytes, lines);
      lines.push(textOf(bytes, start, end));
      start = end + 1;
    }
    start = pieces(bytes, start, bytes.length, maxBytes, lines);
    rest = bytes.subarray(start);
    if (lines.length > 0) yield lines;
  }
  if (rest.length === 0) return;
  if (unfinished) unfinished(textOf(rest, 0, rest.length));
  else yield [textOf(rest, 0, rest.length)];
}

/** Takes whole pieces of a line that is too long; answers where the rest of it starts. */
function pieces(bytes: Buffer, from: number, end: number, maxBytes: number, lines: string[]): number {
  let start = from;
  while (end - start > maxBytes) {
    // Not within a character: a byte 10xxxxxx goes on with one.
    let cut = start + maxBytes;
    while (cut > start + 1 && ((bytes[cut] ?? 0) & 0xc0) === 0x80) cut--;
    lines.push(textOf(bytes, start, cut));
    start = cut;
  }
  return start;
}

/** Without the carriage return of a line that ends in both. */
function textOf(bytes: Buffer, start: number, end: number): string {
  return bytes.toString("utf8", start, end > start && bytes[end - 1] === 0x0d ? end - 1 : end);
}
