// The version of mflow: all packages have the same one.

import manifest from "../package.json" with { type: "json" };

export const VERSION: string = manifest.version;
