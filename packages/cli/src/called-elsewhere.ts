// What other systems call commands: who types `retry` or `suspend` is told how it is called here.

const COMMANDS: Readonly<Record<string, string>> = {
  run: "submit start create exec execute trigger",
  rerun: "retry resubmit restart replay",
  cancel: "stop terminate kill abort",
  pause: "suspend hold",
  resume: "unsuspend continue unpause",
  audit: "approve reject",
  lint: "validate check",
  get: "list ls",
  describe: "show status inspect",
  delete: "remove rm delete",
  "artifacts get": "download",
  "schedule list": "schedules cron",
  // Of `mflow schedule`.
  "schedule trigger": "run",
};

const commandOf = new Map(
  Object.entries(COMMANDS).flatMap(([command, names]) => names.split(" ").map((name) => [name, command])),
);

/** The error text of the command line's library, with our command instead of its guess at a mistyped one. */
export function namedHere(text: string): string {
  const [head, name = ""] = /^error: unknown command '([^']*)'\n/.exec(text) ?? [];
  const command = commandOf.get(name);
  return head === undefined || command === undefined ? text : `${head}Here it is \`mflow ${command}\`.\n`;
}
