// The image of the Dockerfile, made and given to the cluster without Docker and without a registry: its files by
// rootfs.sh, its user, environment and command as the last stage of the Dockerfile has them.

import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { promisify } from "node:util";

const run = promisify(execFile);
const DEPLOY = join(import.meta.dirname, "..");

interface ImageConfig {
  User?: string;
  WorkingDir?: string;
  Env: string[];
  Entrypoint?: string[];
  Cmd?: string[];
}

/** What the last stage of a Dockerfile says of the process to run. */
function configOf(dockerfile: string): ImageConfig {
  const lines = dockerfile.replaceAll(/\\\n/g, " ").split("\n");
  const stage = lines.slice(lines.findLastIndex((line) => line.startsWith("FROM ")));
  const config: ImageConfig = { Env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"] };
  for (const line of stage) {
    const [, word, value = ""] = /^([A-Z]+) +(.+)$/.exec(line) ?? [];
    if (word === "USER") config.User = value;
    if (word === "WORKDIR") config.WorkingDir = value;
    if (word === "ENV") config.Env.push(value);
    if (word === "ENTRYPOINT") config.Entrypoint = JSON.parse(value);
    if (word === "CMD") config.Cmd = JSON.parse(value);
  }
  return config;
}

/** Builds the image in `folder`, which must be there and empty; answers the path of a tar that `ctr images import` takes. */
export async function buildImage(reference: string, folder: string): Promise<string> {
  const root = join(folder, "root");
  const parts = join(folder, "parts");
  await mkdir(parts, { recursive: true });
  await run("sh", [join(DEPLOY, "check", "rootfs.sh"), process.execPath, root]);
  const layer = join(parts, "layer.tar");
  await run("tar", ["--numeric-owner", "-C", root, "-cf", layer, "."]);
  const digest = createHash("sha256");
  await pipeline(createReadStream(layer), digest);
  const config = {
    architecture: process.arch === "x64" ? "amd64" : process.arch,
    os: "linux",
    config: configOf(await readFile(join(DEPLOY, "Dockerfile"), "utf8")),
    rootfs: { type: "layers", diff_ids: [`sha256:${digest.digest("hex")}`] },
    history: [{ created_by: "deploy/check/image.ts" }],
  };
  const manifest = [{ Config: "config.json", RepoTags: [reference], Layers: ["layer.tar"] }];
  await writeFile(join(parts, "config.json"), JSON.stringify(config));
  await writeFile(join(parts, "manifest.json"), JSON.stringify(manifest));
  const image = join(folder, "image.tar");
  await run("tar", ["-C", parts, "-cf", image, "manifest.json", "config.json", "layer.tar"]);
  return image;
}

/** Gives an image to the containerd of a node of this machine, by its socket. */
export async function importImage(socket: string, image: string): Promise<void> {
  await run("ctr", ["-a", socket, "-n", "k8s.io", "images", "import", image]);
}

export async function removeImage(socket: string, reference: string): Promise<void> {
  await run("ctr", ["-a", socket, "-n", "k8s.io", "images", "rm", reference]);
}
