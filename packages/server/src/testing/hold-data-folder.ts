// A process of its own that opens a data folder as a server does and holds it until it is killed. Takes the
// folder, and the address that it announces (none: it never gets to listening).

import { writeSync } from "node:fs";
import { openDataFolder } from "../data-folder.ts";

const [path = "", address] = process.argv.slice(2);
const folder = openDataFolder(path);
if (address) folder.announce({ address, pid: process.pid });
writeSync(1, "held\n");
setInterval(() => undefined, 60_000);
