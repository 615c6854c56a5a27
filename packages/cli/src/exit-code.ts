// What the command's exit code says; one meaning each, for scripts.

export const EXIT = {
  ok: 0,
  /** The run FAILED; or what was to be proven is not so; or what was compared differs. */
  failed: 1,
  /** Nothing was started or changed: wrong usage, bad input, or the server refused. */
  refused: 2,
  /** The run was CANCELED. */
  canceled: 3,
  /** The run goes on without its watcher. */
  detached: 4,
  /** The server cannot be reached or failed; what became of the request is unknown. */
  unreachable: 5,
  /** Of `mflow server` alone: another server has the data folder. */
  taken: 6,
} as const;

export const EXIT_CODES_HELP = `Exit codes:
  0  done; the run SUCCEEDED (with --detach: it was started)
  1  the run FAILED (of \`mflow record verify\`: the record is not whole;
     of \`mflow cluster check\`: it cannot be used; of \`mflow diff\`: something differs)
  2  wrong usage, bad input, or the server refused; nothing was started or changed
  3  the run was CANCELED
  4  detached by Ctrl-C; the run goes on
  5  the server cannot be reached or failed
  6  another server has the data folder (of \`mflow server\` alone)`;

/** How a run that ended in this stage ends the command. */
export function exitCodeOf(stage: string): number {
  switch (stage) {
    case "SUCCEEDED":
    case "SKIPPED":
      return EXIT.ok;
    case "FAILED":
      return EXIT.failed;
    case "CANCELED":
      return EXIT.canceled;
    default:
      return EXIT.detached;
  }
}
