// How the command line names itself to servers, which keep it with decisions that are made through it.

import manifest from "../package.json" with { type: "json" };

export const USER_AGENT = `mflow-cli/${manifest.version}`;
