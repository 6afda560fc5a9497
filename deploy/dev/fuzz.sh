#!/usr/bin/env bash
# Fuzzes with coverage: builds tests/fuzz/programs with cargo-fuzz (brought into the cache folder the first time) and lets
# libFuzzer look for inputs that break what the targets assert.
#   deploy/dev/fuzz.sh              every target
#   deploy/dev/fuzz.sh trade xml    these
#   deploy/dev/fuzz.sh minimise trade   what the cache's corpus has that the tree's lacks, as few files as reach the same
# RUNS executions each (default 1000000), or SECONDS_EACH seconds at most where that is set. SANITIZER=address looks for bad accesses
# to memory as well, at half the speed: it needs a nightly compiler, and takes the stable one as if it were where there is none. Without
# it (the default) the stable compiler is enough: our crates have no unsafe code. Corpus, crashes and logs are in the cache folder.
# Exit code 0: every target ran to its end and nothing was found.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
here=$root/tests/fuzz
cache=${QUITTANCE_CACHE:-$HOME/.cache/quittance}
work=$cache/fuzz
sanitizer=${SANITIZER:-none}
runs=${RUNS:-1000000}
version=0.13.2

say() { echo "fuzz: $*" >&2; }
die() { echo "fuzz: error: $*" >&2; exit 1; }

# The longest input of each target, in bytes: beyond that mutations only get slower.
declare -A longest=(
  [trade]=1024 [advice]=2048 [xml]=8192 [command]=4096 [line]=4096 [record]=4096 [decimal]=96 [token]=1024 [snapshot]=12288
  [proof]=512 [note]=1024
)
order=(trade advice xml command line record decimal token snapshot proof note)

# ---- what is asked for
mode=run
[ "${1:-}" != minimise ] || { mode=minimise; shift; }
targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=("${order[@]}")
for target in "${targets[@]}"; do
  [ -n "${longest[$target]:-}" ] || die "there is no target $target, but ${order[*]}"
done

# ---- cargo-fuzz
fuzz=$cache/cargo-fuzz-$version/bin/cargo-fuzz
if [ ! -x "$fuzz" ]; then
  say "installing cargo-fuzz $version into ${fuzz%/bin/*}"
  CARGO_TARGET_DIR=$work/install cargo install --quiet --locked --version "$version" --root "${fuzz%/bin/*}" cargo-fuzz
  rm -rf "$work/install"
fi

# ---- the programs
toolchain=()
if [ "$sanitizer" != none ]; then
  if rustup toolchain list 2>/dev/null | grep -q '^nightly'; then
    toolchain=("+$(rustup toolchain list | sed -n 's/^\(nightly[^ ]*\).*/\1/p' | head -1)")
  else
    say "no nightly compiler: the stable one with RUSTC_BOOTSTRAP=1"
    export RUSTC_BOOTSTRAP=1
  fi
fi
triple=$(rustc -vV | sed -n 's/^host: //p')
built=$work/target-$sanitizer
say "building (sanitizer: $sanitizer)"
mkdir -p "$work"
(cd "$here/programs" && PATH=${fuzz%/*}:$PATH CARGO_TARGET_DIR=$built \
  cargo "${toolchain[@]}" fuzz build --fuzz-dir . --sanitizer "$sanitizer" --target "$triple" 2>"$work/build.log") ||
  { tail -40 "$work/build.log" >&2; die "the programs do not compile ($work/build.log)."; }

# folders TARGET: inputs of the tree, those of other tests included.
folders() {
  echo "$here/corpus/$1"
  [ "$1" != xml ] || printf '%s\n' "$root/crates/iso20022/tests/golden" "$root/crates/iso20022/tests/others"
}

if [ "$mode" = minimise ]; then
  for target in "${targets[@]}"; do
    mapfile -t given < <(folders "$target")
    mkdir -p "$work/minimised/$target"
    "$built/$triple/release/$target" -merge=1 -max_len="${longest[$target]}" "$work/minimised/$target" "${given[@]}" \
      "$work/corpus/$target" >"$work/$target.merge.log" 2>&1
    say "$target: $(find "$work/minimised/$target" -type f | wc -l) files in $work/minimised/$target"
  done
  exit
fi

# ---- the runs
printf '%-9s %10s %8s %8s %7s %7s %7s  %s\n' target executions seconds per-sec edges feats corpus crashes
failed=0
for target in "${targets[@]}"; do
  mapfile -t given < <(folders "$target")
  mkdir -p "$work/corpus/$target" "$work/crashes/$target"
  log=$work/$target.log
  options=(-runs="$runs" -max_len="${longest[$target]}" -timeout=20 -rss_limit_mb=2048 -print_final_stats=1
    -artifact_prefix="$work/crashes/$target/")
  [ -z "${SECONDS_EACH:-}" ] || options+=(-max_total_time="$SECONDS_EACH")
  [ ! -f "$here/dictionaries/$target.dict" ] || options+=(-dict="$here/dictionaries/$target.dict")
  before=$(find "$work/crashes/$target" -type f | wc -l)
  start=$(date +%s)
  code=0
  "$built/$triple/release/$target" "${options[@]}" "$work/corpus/$target" "${given[@]}" >"$log" 2>&1 || code=$?
  took=$(($(date +%s) - start))
  executed=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log" | tail -1)
  last=$(grep -E '^#[0-9]+.*cov: ' "$log" | tail -1 || true) # none where it fell over at once
  field() { sed -n "s/.* $1: \([0-9]*\).*/\1/p" <<<"$last"; }
  crashes=$(($(find "$work/crashes/$target" -type f | wc -l) - before))
  executed=${executed:-$(sed -n 's/^#\([0-9]*\).*/\1/p' "$log" | tail -1)}
  printf '%-9s %10s %8s %8s %7s %7s %7s  %s\n' "$target" "${executed:-0}" "$took" "$((${executed:-0} / (took > 0 ? took : 1)))" \
    "$(field cov)" "$(field ft)" "$(find "$work/corpus/$target" -type f | wc -l)" "$crashes"
  if [ "$code" != 0 ]; then
    failed=1
    say "$target ended with $code; the input is in $work/crashes/$target, what was said in $log:"
    grep -aE -m 3 -A 3 'panicked at|ERROR: ' "$log" >&2 || tail -5 "$log" >&2
  fi
done
[ "$failed" = 0 ]
