#!/usr/bin/env bash
# `npm test`: set-up, then every *.test.ts, those of test/kernel one after the other at the end.
#
#   npm test                         all of them
#   npm test -- pdata test/e2e       those below a folder, or single files
#
# The suites below test/{bench,kernels,peers,cluster,soak} have commands of their own. The last line is the sum; it is
# also left in build/test/summary for .ci/run.
set -uo pipefail
cd "$(dirname "$0")/.."
set_up=0
bash scripts/setup.sh --test || set_up=1
export PATH=$PWD/node_modules/.bin:$PWD/build/tools/bin:$PATH
export NODE_COMPILE_CACHE=${NODE_COMPILE_CACHE:-$PWD/build/compile-cache}
mkdir -p build/test
rm -f build/test/summary*

mapfile -t files < <(
  find "${@:-.}" -type d \( -name node_modules -o -name fixtures -o -path '*/build' -o -path '*/dist' -o -name .git \
    -o -path '*/test/bench' -o -path '*/test/kernels' -o -path '*/test/peers' -o -path '*/test/cluster' \
    -o -path '*/test/soak' \) -prune -o -name '*.test.ts' -print | sed 's|^\./||' | LC_ALL=C sort
)
parallel=() serial=()
for file in "${files[@]}"; do
  if [[ $file == *test/kernel/* ]]; then serial+=("$file"); else parallel+=("$file"); fi
done

# run NAME CONCURRENCY FILE...
run() {
  node --conditions=source --disable-warning=ExperimentalWarning --test --test-concurrency="$2" --test-timeout=300000 \
    --test-reporter=spec --test-reporter-destination=stdout \
    --test-reporter=./scripts/summary-reporter.js --test-reporter-destination="build/test/summary.$1" "${@:3}" ||
    failed=1
}

failed=$set_up
cores=$(nproc)
if [[ ${#parallel[@]} -gt 0 ]]; then run parallel $((cores > 2 ? cores : 2)) "${parallel[@]}"; fi
if [[ ${#serial[@]} -gt 0 ]]; then run serial 1 "${serial[@]}"; fi

passes=0 failures=$set_up skips=0
for summary in build/test/summary.*; do
  [[ -e $summary ]] || continue
  read -r passed lost skipped <"$summary"
  passes=$((passes + passed)) failures=$((failures + lost)) skips=$((skips + skipped))
done
# A run that ended without counting its failure must not look like a success.
if [[ $failed == 1 && $failures == 0 ]]; then failures=1; fi
if [[ $passes == 0 && $failures == 0 ]]; then
  echo "There is no test in ${*:-this checkout}." >&2
  failures=1
fi
echo "$passes $failures $skips" >build/test/summary
echo "$passes passed, $failures failed, $skips skipped"
[[ $failures == 0 ]]
