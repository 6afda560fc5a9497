#!/usr/bin/env bash
# Makes a Debian 12 or 13 ready to build Quittance. Safe to run again: a step with nothing to do costs milliseconds.
#
# RocksDB is not compiled here: its C++ takes half an hour of CPU. The same release comes as a shared library inside
# Maven Central's rocksdbjni and is linked through the git-ignored .cargo/config.toml that this script writes.
# Production does not use that: without .cargo/config.toml a plain `cargo build` compiles RocksDB from source, statically.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
here=$root/deploy/dev
cache=${QUITTANCE_CACHE:-$HOME/.cache/quittance}

say() { echo "install: $*"; }
die() { echo "install: error: $*" >&2; exit 1; }

# ---- the Rust toolchain: never installed from here, only checked
want=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' "$root/Cargo.toml")
command -v cargo >/dev/null ||
  die "cargo not found. Install Rust $want or newer with rustup (rustup toolchain install stable), then run this again."
have=$(cd "$root" && cargo --version | cut -d' ' -f2)
[ "$(printf '%s\n' "$want" "$have" | sort -V | head -1)" = "$want" ] ||
  die "cargo is $have, Quittance needs $want or newer: rustup update stable"
say "cargo $have"

# ---- Debian's packages, judged by what they bring so that other ways of having them count too
java_major() { java -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p'; }
# bindgen loads libclang at run time; without the headers of libclang-common it stops at "stdbool.h not found".
libclang() {
  local dir
  for dir in $(printf '%s\n' /usr/lib/llvm-*/lib | sort -rV); do
    compgen -G "$dir/libclang.so*" >/dev/null || compgen -G "$dir/libclang-[0-9]*.so*" >/dev/null || continue
    compgen -G "$dir/clang/*/include/stdbool.h" >/dev/null && echo "$dir" && return
  done
  return 1
}
missing=()
for tool in gcc g++ make; do command -v "$tool" >/dev/null || missing+=("$tool"); done
[ -e /usr/include/zlib.h ] || missing+=(zlib1g-dev)
java=$(command -v java >/dev/null && java_major || true)
[ "${java:-0}" -ge 17 ] || missing+=(default-jre-headless) # 17 on Debian 12, 21 on 13
command -v mvn >/dev/null || missing+=(maven)
libclang >/dev/null || missing+=(libclang-dev)

if [ ${#missing[@]} -gt 0 ]; then
  command -v apt-get >/dev/null ||
    die "missing: ${missing[*]}, and this is no Debian: install them by hand (libclang with clang's headers, Java 17 or newer)."
  [ "$(id -u)" = 0 ] ||
    die "packages are missing. Run once as root, then this again: apt-get update && apt-get install --no-install-recommends ${missing[*]}"
  say "apt-get update (missing: ${missing[*]})"
  apt-get update -qq
  if ! libclang >/dev/null; then # of all that libclang-dev brings two small packages are enough
    llvm=$(apt-cache depends libclang-dev | sed -n 's/.*Depends: libclang-\([0-9]*\)-dev/\1/p' | head -1)
    [ -n "$llvm" ] || die "cannot tell which libclang this Debian has: install libclang1-N and libclang-common-N-dev by hand."
    missing=("${missing[@]/%libclang-dev/libclang1-$llvm}" "libclang-common-$llvm-dev")
  fi
  say "apt-get install ${missing[*]}"
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi
clang=$(libclang) || die "libclang or its headers are still missing below /usr/lib/llvm-*/lib."
say "packages present (Java $(java_major), libclang in $clang)"

# ---- the prebuilt RocksDB
rocksdb=$(sed -n 's:.*<rocksdb.version>\(.*\)</.*:\1:p' "$here/pom.xml")
locked=$(grep -A1 '^name = "librocksdb-sys"' "$root/Cargo.lock" | sed -n 's/^version = ".*+\(.*\)"/\1/p')
[ "$rocksdb" = "$locked" ] ||
  die "deploy/dev/pom.xml brings RocksDB $rocksdb but librocksdb-sys in Cargo.lock binds ${locked:-nothing}. The two must be equal: set rocksdb.version in deploy/dev/pom.xml to it."
case $(uname -m) in
  x86_64) so=librocksdbjni-linux64.so ;;
  aarch64) so=librocksdbjni-linux-aarch64.so ;;
  *) die "no prebuilt RocksDB for $(uname -m): delete .cargo/config.toml and let cargo compile it." ;;
esac
lib=$cache/rocksdb-$rocksdb
mkdir -p "$cache"
cache=$(cd "$cache" && pwd) lib=$cache/rocksdb-$rocksdb # absolute: it goes into rpath
exec 9>"$cache/install.lock"
flock 9
if [ ! -s "$lib/librocksdb.so" ]; then
  say "fetching RocksDB $rocksdb into $lib"
  work=$(mktemp -d "$cache/rocksdb.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  mvn -B -q -Dstyle.color=never -f "$here/pom.xml" dependency:unpack-dependencies -DincludeArtifactIds=rocksdbjni \
    -Dmdep.unpack.includes="$so" -DoutputDirectory="$work" -DmarkersDirectory="$work/markers" -Dmdep.useSubDirectoryPerArtifact=false ||
    die "Maven could not bring org.rocksdb:rocksdbjni:$rocksdb (its message is above)."
  mkdir -p "$lib"
  mv "$work/$so" "$lib/librocksdb.so" # a rename: no half-written library is ever seen
fi
say "RocksDB $rocksdb in $lib"

# ---- cargo's settings for this checkout
config=$root/.cargo/config.toml
text="# Written by deploy/dev/install.sh, not in git: links the prebuilt RocksDB. Delete it to compile RocksDB from source (production).
[env]
ROCKSDB_LIB_DIR = \"$lib\"
LIBCLANG_PATH = \"$clang\"

[build]
# exclude-libs: librdkafka's copies of LZ4 and zstd in the executable must not take the place of RocksDB's own.
rustflags = [\"-C\", \"link-arg=-Wl,-rpath,$lib\", \"-C\", \"link-arg=-Wl,--exclude-libs,ALL\"]"
mkdir -p "$root/.cargo"
if [ "$(cat "$config" 2>/dev/null || true)" != "$text" ]; then
  printf '%s\n' "$text" >"$config"
  say "wrote $config"
else
  say "$config is up to date"
fi
