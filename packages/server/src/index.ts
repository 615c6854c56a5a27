// What others use of the server package.

export { readConfig, type ServerConfig, type ServerFlags } from "./config.ts";
export { type RunningServer, startServer } from "./main.ts";
export { VERSION } from "./version.ts";
