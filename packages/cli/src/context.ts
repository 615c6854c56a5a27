// What every command works with: its streams, its global options, its way to the server.

import { basename, relative, resolve } from "node:path";
import type { Scope } from "@mflow/core/schema/scalars";
import type { Connection, ConnectOptions } from "./connect.ts";
import { type DocumentFormat, documentText } from "./display/document.ts";
import { type Style, styleFor } from "./display/style.ts";
import { plainLine } from "./display/width.ts";
import type { Io } from "./io.ts";

export type OutputFormat = DocumentFormat | "table" | "wide" | "md";

export interface GlobalOptions {
  data?: string;
  url?: string;
  token?: string;
  namespace?: string;
  domain?: string;
  output: OutputFormat;
  /** False with `--no-color`. */
  color: boolean;
  debug?: boolean;
}

export interface Context {
  readonly io: Io;
  readonly options: GlobalOptions;
  /** For stdout. */
  readonly style: Style;
  /** For stderr. */
  readonly errorStyle: Style;
  /** The scope that the options name; the server fills in the rest. */
  readonly scope: Partial<Scope>;
  readonly dataFolder: string;
  /** How a person calls mflow to reach the same server, e.g. `mflow --data /srv/mflow`. */
  readonly command: string;
  /** Writes text and a line end to stdout. */
  print(text: string): undefined;
  /** Tells people something beside the result, on stderr. */
  note(text: string): undefined;
  /** The format for programs, if one is asked for. */
  readonly documentFormat: DocumentFormat | undefined;
  /** Writes a value in the format for programs, in JSON when none is asked for. */
  printDocument(value: unknown, format?: DocumentFormat): Promise<undefined>;
  connect(options?: ConnectOptions): Promise<Connection>;
}

/** Where a server has its data that was not told where; its own default, which is not loaded here. */
const DEFAULT_DATA_FOLDER = ".mflow";

export function makeContext(io: Io, options: GlobalOptions): Context {
  const noColor = !options.color;
  const style = styleFor({ isTTY: io.stdout.isTTY === true, env: io.env, noColor });
  const errorStyle = styleFor({ isTTY: io.stderr.isTTY === true, env: io.env, noColor });
  const dataFolder = resolve(io.cwd, options.data ?? (io.env.MFLOW_DATA || DEFAULT_DATA_FOLDER));
  const { output } = options;
  const documentFormat = output === "json" || output === "yaml" ? output : undefined;
  const context: Context = {
    io,
    options,
    style,
    errorStyle,
    scope: { domain: options.domain, namespace: options.namespace },
    dataFolder,
    command: commandOf(io, options),
    print: (text) => {
      io.stdout.write(`${text}\n`);
      return undefined;
    },
    note: (text) => {
      io.stderr.write(`${errorStyle.tone("quiet", "mflow:")} ${plainLine(text)}\n`);
      return undefined;
    },
    documentFormat,
    printDocument: async (value, format = documentFormat ?? "json") => {
      io.stdout.write(await documentText(value, format));
      return undefined;
    },
    connect: async (connectOptions) => (await import("./connect.ts")).connect(context, connectOptions),
  };
  return context;
}

/** Called as `mflow` from the PATH, or as a script that `node` runs. */
function commandOf(io: Io, options: GlobalOptions): string {
  const script = relative(io.cwd, io.script);
  const shown = script.length < io.script.length ? script : io.script;
  const words = basename(io.script) === "mflow" ? ["mflow"] : ["node", quote(shown)];
  if (options.url) words.push("--url", quote(options.url));
  else if (options.data) words.push("--data", quote(options.data));
  return words.join(" ");
}

/** A word as a shell takes it. */
export function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
