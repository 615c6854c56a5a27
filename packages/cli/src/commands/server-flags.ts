// Flags for a server that a command starts because none runs.

export interface ServerFlagOptions {
  allowRootSteps?: boolean;
  shellUser?: string;
}

export function serverFlags({ allowRootSteps, shellUser }: ServerFlagOptions): string[] {
  return [
    ...(allowRootSteps ? ["--allow-root-steps"] : []),
    ...(shellUser !== undefined ? ["--shell-user", shellUser] : []),
  ];
}
