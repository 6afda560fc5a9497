#!/usr/bin/env bash
# Plants the bugs of tests/mutants one at a time in a worktree of HEAD, and lets the simulator look for them in fixed seeds.
#   deploy/dev/sim-mutants.sh            all of them
#   deploy/dev/sim-mutants.sh tolerance  those whose name contains the word
# SEEDS (default 12) and STEPS (default 900) say how long it looks. Exit code 0: every one was found, and nothing without one.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
root=$PWD
seeds=${SEEDS:-12} steps=${STEPS:-900} only=${1:-}
# A folder of its own: cargo takes what was compiled of one tree for the other's, and a planted bug must stay where it is.
export CARGO_TARGET_DIR=${MUTANTS_TARGET_DIR:-${QUITTANCE_CACHE:-$HOME/.cache/quittance}/mutants-target}

work=$(mktemp -d)
tree=$work/tree
cleanup() {
  git worktree remove --force "$tree" 2>/dev/null || true
  rm -rf "$work"
}
trap cleanup EXIT
git worktree add --quiet --detach "$tree" HEAD
if [ -f .cargo/config.toml ]; then mkdir -p "$tree/.cargo" && cp .cargo/config.toml "$tree/.cargo/"; fi

# The simulator of the tree as it is now: 0 no difference, 1 one was found, anything else is no answer.
look() {
  (cd "$tree" && cargo build --quiet --workspace --locked --bin quittance-sim) || return 2
  "$CARGO_TARGET_DIR/debug/quittance-sim" --seed 1 --seeds "$seeds" --steps "$steps" --replays 0 >"$work/said" 2>/dev/null
}

if ! look; then
  echo "without a planted bug:" && head -3 "$work/said"
  exit 1
fi
echo "without a planted bug: $(head -1 "$work/said")"
found=0 all=0
for patch in tests/mutants/*"$only"*.patch; do
  name=$(basename "$patch" .patch)
  all=$((all + 1))
  git -C "$tree" apply "$root/$patch"
  code=0
  look || code=$?
  case $code in
    1) found=$((found + 1)) && echo "$name: found: $(head -1 "$work/said" | cut -c1-150)" ;;
    0) echo "$name: NOT FOUND" ;;
    *) echo "$name: NO ANSWER (exit code $code)" ;;
  esac
  git -C "$tree" checkout --quiet .
done
echo "$found of $all found"
[ "$found" -eq "$all" ]
