// What mflow's own containers in a pod do, as sh for busybox and the like. Pure: texts from plans. wget of busybox sends a
// body as a text from its memory, and ends it at the first zero byte: so bytes go in pieces, in base64.

import { posix } from "node:path";
import type { Keep } from "@mflow/core/keep";
import { plainPath } from "@mflow/core/workspace-path";
import type { GivenFile } from "../../work-files.ts";
import { findPattern } from "./cache-key.ts";

/** Bytes of a piece before it is base64. */
export const PIECE_BYTES = 3 * 1024 * 1024;
/** Seconds between two signs of life. */
const BEAT_SECONDS = 10;

/** Ends the container: nobody wants anything of it any more. */
export const OVER = "exit 0\n";

/** A text as one word. */
export function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function command(name: string, ...words: (string | number)[]): string {
  return `${[name, ...words.map((word) => (typeof word === "number" ? word : quote(word)))].join(" ")}\n`;
}

/** `$dir` and `$at` are there: the folder for files in between, and where to ask. */
const COMMON = `here=$(pwd -P)
failed=
as="Authorization: Bearer $JOB_TASK_UPDATE_TOKEN"
if [ -z "\${beat:-}" ]; then
  while sleep ${BEAT_SECONDS}; do timeout 30 wget -q -O "$dir/alive" --header "$as" --post-file "$dir/none" "$at/alive" 2>/dev/null; done &
  beat=$!
fi
# In the background, so that a signal is heard at once.
post() {
  timeout 120 wget -q -O "$3" --header "$as" --post-file "$2" "$at/$1" 2>"$dir/why" &
  wait $!
}
load() {
  timeout 3600 wget -q -O "$dir/in" --header "$as" "$at/$1" 2>"$dir/why" &
  wait $!
}
pause() { sleep 2 & wait $!; }
ask() { until post "$1" "$2" "$dir/answer"; do pause; done; }
say() { printf '%s\\n' "$*"; }
why() { tail -n 1 "$dir/why"; }
hash() { sha256sum <"$1" | cut -c 1-64; }
fail() {
  say "$2"
  if [ -z "$failed" ]; then
    failed=1
    printf '%s\\n%s' "$1" "$2" >/dev/termination-log
  fi
}
inside() {
  case "$(realpath "./$1")/" in
    "$here"/*) ;;
    *) echo "\\\`$1\\\` leads out of the workspace, by a link" >&2; return 1 ;;
  esac
}
`;

const FETCH = `# into folder $1; not every tar sees by itself whether it is compressed
unpack() {
  case $(head -c 2 "$dir/in" | od -An -tx1 | tr -d ' \\n') in
    1f8b) tar -xzof "$dir/in" -C "$1" ;;
    *) tar -xof "$dir/in" -C "$1" ;;
  esac
}
put() {
  mkdir -p "./$2" && inside "$2" || return 1
  if [ "$1" = FOLDER ]; then
    unpack "./$2"
  else
    case $3 in '' | . | .. | */*) echo "\\\`$3\\\` is no name of a file" >&2; return 1 ;; esac
    rm -rf "./$2/$3" && cat "$dir/in" >"./$2/$3" && { [ "$4" != x ] || chmod +x "./$2/$3"; }
  fi
}
# number kind folder name x sha256 what
get() {
  load "fetch/$1" && [ "$(hash "$dir/in")" = "$6" ] || return 1
  put "$2" "$3" "$4" "$5" 2>"$dir/why" || { fail FETCH_FAILED "$7 cannot be put into the workspace: $(why)"; exit 1; }
  say "fetched $7"
}
# number, then what find is given
cache() {
  number=$1
  shift
  if [ $# -gt 0 ]; then
    find . -type f \\( "$@" \\) 2>/dev/null | sed 's|^\\./||' | head -n 5000 |
      while IFS= read -r name; do sha256sum "$name"; done >"$dir/hashes" 2>/dev/null
  else
    : >"$dir/hashes"
  fi
  ask "cache?number=$number" "$dir/hashes"
  . "$dir/answer"
}
# number key found
restore() {
  if load "cache/$1" && unpack . 2>"$dir/why"; then
    if [ "$2" = "$3" ]; then
      echo yes >"$dir/stored.$1"
      say "cache $2: restored"
    else
      say "cache $2: restored from $3"
    fi
  else
    say "cache $2: not restored: $(why)"
  fi
}
`;

/** What the container does before the work. `given`: what it fetches. */
export function fetchScript(given: readonly GivenFile[], { caches }: Keep): string {
  const lines = given.map(({ kind, folder, name, executable, sha256, what }, number) => {
    const get = command(
      "get",
      number,
      kind,
      plainPath(folder),
      name,
      executable ? "x" : "",
      sha256,
      what,
    ).trimEnd();
    return `${get} || { pause; return; }\n`;
  });
  const keys = caches.map(({ key: { files = [] } }, number) => {
    const patterns = files.flatMap((glob, index) => [
      ...(index > 0 ? ["-o"] : []),
      "-path",
      findPattern(glob),
    ]);
    return command("cache", number, ...patterns);
  });
  return `${COMMON}${FETCH}${lines.join("")}${keys.join("")}exit 0\n`;
}

/** Ends the container, and the task with it. */
export function failScript(reason: string, message: string): string {
  return `${COMMON}${command("fail", reason, message)}exit 1\n`;
}

export interface KnownCache {
  key: string;
  /** What there is under the key, or under one of its prefix. */
  found: string | undefined;
  /** A line for the log. */
  note?: string;
}

/** What the container does with a cache once its key is known. */
export function cacheScript(number: number, { key, found, note }: KnownCache): string {
  return [
    note === undefined ? "" : command("say", note),
    `printf '%s' ${quote(key)} >"$dir/key.${number}"\n`,
    found === undefined
      ? command("say", `cache ${key}: there is none yet`)
      : command("restore", number, key, found),
  ].join("");
}

/** Says something in the log. */
export function sayScript(text: string): string {
  return command("say", text);
}

const KEEP = (limit: number) => `# path parent base; makes $dir/out and says what it is
pack() {
  kind=FILE executable=
  [ -e "./$1" ] || return 1
  inside "$1" || return 2
  if [ -f "./$1" ]; then
    cat "./$1" >"$dir/out" || return 3
    [ ! -x "./$1" ] || executable='&executable=true'
  elif [ ! -d "./$1" ]; then
    echo "\\\`$1\\\` is neither a file nor a folder" >&2
    return 2
  elif [ -L "./$1" ]; then
    echo "\\\`$1\\\` is a link to a folder; name the folder that it leads to" >&2
    return 2
  else
    kind=FOLDER
    tar -czf "$dir/out" -C "./$2" "./$3" || return 3
  fi
}
fits() { [ "$(wc -c <"$dir/out")" -le ${limit} ]; }
# name: sends $dir/out in pieces; the server says how much it has
send() {
  size=$(wc -c <"$dir/out")
  have=0
  while [ "$have" -lt "$size" ]; do
    dd if="$dir/out" bs=${PIECE_BYTES} skip=$((have / ${PIECE_BYTES})) count=1 2>/dev/null | base64 >"$dir/piece"
    ask "piece?name=$1&at=$have" "$dir/piece"
    have=$(cat "$dir/answer")
  done
}
# name step query: sends it until it came whole
deliver() {
  sum=$(hash "$dir/out")
  again=1
  while [ -n "$again" ]; do
    again=
    send "$1"
    ask "$2?$3&sha256=$sum" "$dir/none"
    . "$dir/answer"
    [ -z "$again" ] || pause
  done
}
# number name path parent base optional
artifact() {
  pack "$3" "$4" "$5" 2>"$dir/why"
  case $? in
    0)
      if fits; then
        deliver "artifact.$1" artifact "number=$1&kind=$kind$executable"
      else
        fail ARTIFACT_TOO_LARGE "artifact \\\`$2\\\`: it is larger than ${limit} bytes"
      fi
      ;;
    1)
      if [ -n "$6" ]; then
        say "artifact \\\`$2\\\`: there is no \\\`$3\\\`"
      else
        fail ARTIFACT_MISSING "there is no \\\`$3\\\` in the workspace to keep as artifact \\\`$2\\\`"
      fi
      ;;
    2) fail ARTIFACT_REFUSED "artifact \\\`$2\\\`: $(why)" ;;
    *) fail RUNNER_ERROR "artifact \\\`$2\\\`: $(why)" ;;
  esac
  rm -f "$dir/out" "$dir/piece"
}
# number anew always path...; one that is stored stays, unless it is saved anew each time
save() {
  number=$1 anew=$2 always=$3
  shift 3
  [ -f "$dir/key.$number" ] || return 0
  [ -z "$failed" ] || [ -n "$always" ] || return 0
  [ -n "$anew" ] || [ ! -f "$dir/stored.$number" ] || return 0
  key=$(cat "$dir/key.$number")
  count=$#
  while [ "$count" -gt 0 ]; do
    path=$1
    shift
    count=$((count - 1))
    [ ! -e "./$path" ] || ! inside "$path" 2>/dev/null || set -- "$@" "./$path"
  done
  if [ $# = 0 ]; then
    say "cache $key: not saved: none of its paths is there"
  elif ! tar -czf "$dir/out" "$@" 2>"$dir/why"; then
    say "cache $key: not saved: $(why)"
  elif ! fits; then
    say "cache $key: not saved: it is larger than ${limit} bytes"
  else
    deliver "cache.$number" save "number=$number&key=$key"
  fi
  rm -f "$dir/out" "$dir/piece"
}
`;

/** What the container does once the work has ended. `limit`: bytes of one artifact or cache. */
export function keepScript({ artifacts, caches }: Keep, succeeded: boolean, limit: number): string {
  const kept = artifacts.flatMap(({ name, path, optional, when }, number) => {
    if (!succeeded && when !== "ALWAYS") return [];
    const plain = plainPath(path);
    const place = [plain, posix.dirname(plain), posix.basename(plain)];
    return [command("artifact", number, name, ...place, optional ? "optional" : "")];
  });
  const saved = caches.flatMap(({ key: { files = [] }, paths, when }, number) => {
    const always = when === "ALWAYS";
    if (!succeeded && !always) return [];
    const plain = paths.map(plainPath);
    return [command("save", number, files.length === 0 ? "anew" : "", always ? "always" : "", ...plain)];
  });
  return `${COMMON}${KEEP(limit)}${kept.join("")}${saved.join("")}[ -z "$failed" ] || exit 1\nexit 0\n`;
}
