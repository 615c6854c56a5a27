// Archives are looked into while they are stored, so that nobody who unpacks one is led out of the folder: not a task that
// fetches it, and not a person who downloads it.

import { posix } from "node:path";
import { finished } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { MflowError } from "@mflow/core/errors";
import type { ReadEntry } from "tar";

/** What a member of an archive may not be; nothing when it is fine. */
function problemOf({ path, type, linkpath }: ReadEntry, mayLinkOut: boolean): string | undefined {
  if (leaves(path)) return `\`${path}\` in it leads out of the folder`;
  if (type === "Link" && leaves(linkpath ?? "")) {
    return `\`${path}\` in it is a hard link to \`${linkpath}\`, out of the folder`;
  }
  const target = posix.join(posix.dirname(path), linkpath ?? "");
  if (type === "SymbolicLink" && !mayLinkOut && (posix.isAbsolute(linkpath ?? "") || leaves(target))) {
    return `\`${path}\` in it is a link to \`${linkpath}\`, out of the folder`;
  }
  if (type === "CharacterDevice" || type === "BlockDevice" || type === "FIFO") {
    return `\`${path}\` in it is neither file, folder nor link`;
  }
  return undefined;
}

function leaves(path: string): boolean {
  return posix.isAbsolute(path) || posix.normalize(path).split("/")[0] === "..";
}

export interface ArchiveRules {
  /** Links may lead anywhere: whoever unpacks it does not follow them meanwhile. */
  mayLinkOut: boolean;
}

/** The same bytes; they end with ARTIFACT_REFUSED when they are no tar archive, plain or of gzip, or a bad one. */
export async function* checkedArchive(
  bytes: AsyncIterable<Uint8Array>,
  { mayLinkOut }: ArchiveRules,
): AsyncGenerator<Uint8Array> {
  const { Parser } = await import("tar");
  let problem: string | undefined;
  const parser = new Parser({
    onReadEntry: (entry) => {
      problem ??= problemOf(entry, mayLinkOut);
      entry.resume();
    },
    onwarn: (code, message) => {
      if (code !== "TAR_ENTRY_INFO") problem ??= `it cannot be read as a tar archive: ${message}`;
    },
  });
  let gunzip: ReturnType<typeof createGunzip> | undefined;
  const refuse = () => {
    if (problem !== undefined) throw new MflowError("ARTIFACT_REFUSED", `the archive is refused: ${problem}`);
  };
  let isFirst = true;
  for await (const chunk of bytes) {
    if (chunk.length === 0) continue;
    if (isFirst && chunk[0] === 0x1f) {
      gunzip = createGunzip();
      gunzip.on("data", (plain: Buffer) => parser.write(plain));
      gunzip.on("error", (error) => {
        problem ??= `it cannot be read: ${error.message}`;
      });
    }
    isFirst = false;
    if (gunzip && problem === undefined) {
      await new Promise<void>((resolve) => gunzip?.write(chunk, () => resolve()));
    } else if (!gunzip) parser.write(Buffer.from(chunk));
    refuse();
    yield chunk;
  }
  if (isFirst) problem = "it is empty";
  if (gunzip && problem === undefined) {
    gunzip.end();
    await finished(gunzip).catch(() => {});
  }
  parser.end();
  refuse();
}
