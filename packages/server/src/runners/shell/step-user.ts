// Whom the steps of tasks run as: the user of the server, or with `--shell-user` another one, which only root
// can arrange. Root itself runs steps only when the operator says so.

import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { userInfo } from "node:os";
import { promisify } from "node:util";

export interface StepUser {
  name: string;
  uid: number;
  gid: number;
  home: string;
}

/** The user that the server runs as. */
export function serverUser(): StepUser {
  const { username, uid, gid, homedir } = userInfo();
  return { name: username, uid, gid, home: homedir };
}

/** The user of that name, or nothing when the system knows none. */
export async function findUser(name: string): Promise<StepUser | undefined> {
  const local = (await readFile("/etc/passwd", "utf8").catch(() => "")).split("\n");
  const line = local.find((entry) => entry.startsWith(`${name}:`)) ?? (await askDirectory(name));
  const [user, , uid, gid, , home] = line?.trim().split(":") ?? [];
  if (!user || !uid || !gid) return undefined;
  return { name: user, uid: Number(uid), gid: Number(gid), home: home || "/" };
}

/** Users may also come from a directory service, which getent(1) asks. */
async function askDirectory(name: string): Promise<string | undefined> {
  if (name.startsWith("-")) return undefined;
  try {
    return (await promisify(execFile)("getent", ["passwd", name])).stdout;
  } catch {
    return undefined;
  }
}
