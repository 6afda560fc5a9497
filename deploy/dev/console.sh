#!/usr/bin/env bash
# The console's pages (crates/server/console): `build` makes crates/server/console/dist, which is in git and in the binary;
# `test` checks that dist is what the sources make and lets a real Chromium use the console; `screenshots` makes docs/console.
# Cargo needs none of it. Brings Debian's nodejs, npm and chromium where they are missing (it says what).
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
console=$root/crates/server/console
export QUITTANCE=${CARGO_TARGET_DIR:-$root/target}/debug/quittance

say() { echo "console: $*"; }
die() { echo "console: error: $*" >&2; exit 1; }

# packages NAME…: from Debian, unless there are none to bring.
packages() {
  [ $# -gt 0 ] || return 0
  command -v apt-get >/dev/null || die "missing: $*, and this is no Debian: install them by hand (Node.js 18 or newer)."
  [ "$(id -u)" = 0 ] ||
    die "packages are missing. Run once as root, then this again: apt-get update && apt-get install --no-install-recommends $*"
  say "apt-get install $*"
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

# What the lock file names, by its hashes; again only when it names something else.
install() {
  local missing=() tool
  for tool in node npm; do command -v "$tool" >/dev/null || missing+=("${tool/%node/nodejs}"); done
  packages "${missing[@]}"
  [ "$(node -p 'process.versions.node.split(".")[0]')" -ge 18 ] || die "Node.js is $(node --version), the console needs 18 or newer."
  local want have=$console/node_modules/.installed
  want=$(sha256sum "$console/package-lock.json" | cut -d' ' -f1)
  [ "$(cat "$have" 2>/dev/null || true)" = "$want" ] && return
  say "npm ci"
  (cd "$console" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error --fetch-timeout=60000) ||
    die "npm could not bring what package-lock.json names (its message is above)."
  echo "$want" >"$have"
}

chromium() {
  local missing=()
  [ -x "${CHROMIUM:-/usr/bin/chromium}" ] || missing+=(chromium fonts-dejavu-core)
  packages "${missing[@]}"
}

case ${1:-} in
  build)
    install
    (cd "$console" && npm run --silent build)
    say "gzip -9: $(gzip -9c "$console/dist/console.js" | wc -c) bytes of script, $(gzip -9c "$console/dist/console.css" | wc -c) of style"
    ;;
  test)
    [ -x "$QUITTANCE" ] || die "there is no $QUITTANCE: cargo build -p cli"
    install
    chromium
    built=$(mktemp -d)
    trap 'rm -rf "$built"' EXIT
    (cd "$console" && npm run --silent build -- --outDir "$built" --emptyOutDir --logLevel warn)
    diff -rq "$console/dist" "$built" ||
      die "crates/server/console/dist is not what the sources and proto/ make: make console, and commit it."
    say "dist is what its sources make, byte for byte"
    cd "$console"
    node --test --test-reporter=spec --test-timeout=110000 test/*.test.mjs
    ;;
  screenshots)
    [ -x "$QUITTANCE" ] || die "there is no $QUITTANCE: cargo build -p cli"
    install
    chromium
    [ -n "$(fc-list : family 2>/dev/null | grep -i '^inter')" ] || packages fonts-inter
    mkdir -p "$root/docs/console"
    (cd "$console" && node test/screenshots.mjs "$root/docs/console")
    ;;
  *) die "build, test or screenshots?" ;;
esac
