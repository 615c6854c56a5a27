#!/bin/sh
# Installs what the check of the chart needs, from Debian's packages: Go, and the libraries that Helm's templates are made
# of. Does nothing when all of it is there. Needs root.
set -eu
need=
for package in golang-go golang-github-masterminds-sprig-dev golang-k8s-sigs-yaml-dev; do
  dpkg -s "$package" >/dev/null 2>&1 || need="$need $package"
done
[ -n "$need" ] || exit 0
apt-get update -qq
# shellcheck disable=SC2086
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $need >/dev/null
