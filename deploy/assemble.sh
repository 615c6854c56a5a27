#!/bin/sh
# Puts together what the image holds beside Node: the command, the packages without their tests, and the installed
# dependencies. The Dockerfile RUNs it, and so does the check of the chart: what is tested is what the image is made of.
#
#   deploy/assemble.sh SOURCE TARGET     SOURCE: a clone of the repository. TARGET: the folder to fill, e.g. /app
set -eu
source=$1
target=$2

mkdir -p "$target"
for part in package.json package-lock.json .npmrc LICENSE bin packages; do
  cp -R "$source/$part" "$target/"
done
find "$target/packages" -type f \( -name '*.test.ts' -o -name '*.conformance.ts' -o -name '*.bench.ts' \) -exec rm -f {} +
find "$target/packages" -type d \( -name node_modules -o -name testing \) -prune -exec rm -rf {} +

cd "$target"
# Links to packages/ must stay links: Node strips no types under node_modules. No script of a dependency runs.
npm ci --omit=dev --ignore-scripts --install-links=false --no-audit --no-fund --loglevel=error

# Declarations and source maps are for people who write code.
find node_modules -type f \( -name '*.d.ts' -o -name '*.d.cts' -o -name '*.d.mts' -o -name '*.map' \) -delete
# Everybody may read, nobody may write: the server runs as another user, on a root that is read only.
chmod -R u=rwX,go=rX .
