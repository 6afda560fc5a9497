#!/usr/bin/env bash
# Asks Prowide's library for ISO 20022 whether our XML is what we mean (crates/iso20022/oracle). Needs a JDK and, the first time, Maven.
#
#   iso-oracle.sh          1. our documents, golden and by chance, are read by Prowide, value by value
#                          2. our golden documents a little bent: each bent one must be found out
#                          3. Prowide's documents are those of tests/others, which our tests read
#   iso-oracle.sh update   writes tests/others anew
#
# Environment: QUITTANCE_CACHE (~/.cache/quittance): Prowide's jars.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
crate=$root/crates/iso20022
oracle=$crate/oracle
cache=${QUITTANCE_CACHE:-$HOME/.cache/quittance}
version=$(sed -n 's:.*<prowide.version>\(.*\)</.*:\1:p' "$oracle/pom.xml")
libs=$cache/prowide-$version

say() { echo "iso-oracle: $*"; }
die() { echo "iso-oracle: error: $*" >&2; exit 1; }

if ! command -v javac >/dev/null; then # deploy/dev/install.sh is content with a JRE
  command -v apt-get >/dev/null && [ "$(id -u)" = 0 ] || die "a JDK is missing (javac): apt-get install default-jdk-headless"
  say "apt-get install default-jdk-headless"
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends default-jdk-headless >/dev/null
fi
if [ ! -e "$libs/pw-iso20022-$version.jar" ]; then
  command -v mvn >/dev/null || die "Maven is missing: run deploy/dev/install.sh first."
  say "fetching Prowide $version into $libs"
  mkdir -p "$cache"
  work=$(mktemp -d "$cache/prowide.XXXXXX")
  mvn -B -q -Dstyle.color=never -f "$oracle/pom.xml" dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$work" ||
    { rm -rf "$work"; die "Maven could not bring the jars (its message is above)."; }
  chmod 755 "$work"
  # A rename: the folder is complete or absent. Where another fetched faster, its result stands.
  mv -T "$work" "$libs" 2>/dev/null || rm -rf "$work"
fi
ask() { java -Xmx1g -cp "$libs/*" "$oracle/Oracle.java" "$@"; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
if [ "${1:-}" = update ]; then
  ask write "$oracle/tables" "$crate/tests/others"
  exit
fi
[ $# = 0 ] || { sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' "$0"; exit 2; }

say "1. our documents by Prowide"
(cd "$root" && ISO_ORACLE=$work cargo test --workspace --locked --test iso documents_for_the_oracle -q >"$work/cargo.log" 2>&1) ||
  { tail -40 "$work/cargo.log"; die "the documents could not be written."; }
for name in "$crate"/tests/golden/*.xml; do
  cmp "$name" "$work/golden/$(basename "$name")" || die "the frozen golden documents are others than those that are written."
done
ask check "$work/golden"
ask check "$work/chance"
say "2. golden documents bent"
ask bend "$work/golden"
say "3. Prowide's documents by us"
ask write "$oracle/tables" "$work/others"
diff -r "$work/others" "$crate/tests/others" || die "Prowide writes other documents than those in tests/others: iso-oracle.sh update, and look at the difference."
say "good: cargo test reads the documents of tests/others"
