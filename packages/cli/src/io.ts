// What the outside gives a command: arguments, environment and streams. Only main.ts takes them from the process.

export interface Io {
  /** How the shell called us: `argv[1]`. */
  script: string;
  env: Readonly<Record<string, string | undefined>>;
  cwd: string;
  stdin: NodeJS.ReadStream;
  stdout: NodeJS.WriteStream;
  stderr: NodeJS.WriteStream;
}
