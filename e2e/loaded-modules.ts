// Loaded before a program (`node --import`): tells on file descriptor 3 what the program had loaded when it ended.

import { writeSync } from "node:fs";
import { registerHooks } from "node:module";

const urls: string[] = [];
registerHooks({
  load(url, context, next) {
    urls.push(url);
    return next(url, context);
  },
});
process.on("exit", () => {
  const { moduleLoadList } = process as unknown as { moduleLoadList: string[] };
  writeSync(3, JSON.stringify({ urls, builtin: moduleLoadList }));
});
