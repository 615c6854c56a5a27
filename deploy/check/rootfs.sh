#!/bin/sh
# Makes a root file system as the image has it, where there is no Docker: what deploy/assemble.sh puts together for the
# image too, on this machine's Node 24 and the libraries that it loads, with busybox for a shell. For the check alone.
#
#   deploy/check/rootfs.sh NODE TARGET     NODE: the binary of Node 24. TARGET: an empty folder
set -eu
node=$1
root=$2
source=$(cd "$(dirname "$0")/../.." && pwd)

mkdir -p "$root/bin" "$root/usr/bin" "$root/usr/local/bin" "$root/etc" "$root/data" "$root/tmp" "$root/proc" "$root/dev" "$root/sys"
chmod 755 "$root"
chmod 1777 "$root/tmp"

cp -L "$node" "$root/usr/local/bin/node"
ldd "$node" | grep -o '/[^ ]*' | sort -u | while read -r library; do
  mkdir -p "$root$(dirname "$library")"
  cp -L "$library" "$root$library"
done

cp "$(command -v busybox)" "$root/bin/busybox"
for applet in $("$root/bin/busybox" --list); do
  [ "$applet" = busybox ] || ln -s busybox "$root/bin/$applet"
done
ln -s /bin/env "$root/usr/bin/env"

# As the last stage of the Dockerfile.
printf 'root:x:0:0:root:/:/bin/sh\nmflow:x:10001:10001::/data:/usr/sbin/nologin\n' >"$root/etc/passwd"
printf 'root:x:0:\nmflow:x:10001:\n' >"$root/etc/group"
chown 10001:10001 "$root/data"
chmod 700 "$root/data"
ln -s /app/bin/mflow.js "$root/usr/local/bin/mflow"
sh "$source/deploy/assemble.sh" "$source" "$root/app"
