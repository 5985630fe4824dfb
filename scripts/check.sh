#!/usr/bin/env bash
# What is asked of the sources besides the tests. Every check runs, also after one has failed.
#
#   scripts/check.sh [types|lint|clang-format|generated|package|asan]...     default: all
#
# The last line is the sum; it is also left in build/test/summary.check for .ci/run.
set -uo pipefail
cd "$(dirname "$0")/.."
bash scripts/setup.sh --check || echo "setup: incomplete; checking what can be checked." >&2
export PATH=$PWD/node_modules/.bin:$PATH
passed=0 failed=0 skipped=0

types() { tsc -p tsconfig.json; }

lint() { biome check --error-on-warnings; }

clang-format() {
  if [[ -z $(type -P clang-format) ]]; then
    echo "clang-format is not installed."
    return 77
  fi
  local files
  mapfile -t files < <(git ls-files '*.c' '*.h' '*.cpp')
  if [[ ${#files[@]} == 0 ]]; then return; fi
  command clang-format --dry-run -Werror "${files[@]}"
}

# What is committed must be what the generators write.
generated() {
  local file fresh status=0
  fresh=$(mktemp -d)
  bash scripts/generate.sh "$fresh" || status=1
  while read -r file; do
    diff -u "$file" "$fresh/${file##*/}" || status=1
  done < <(git ls-files '*.gen.ts' 'deploy/grafana/*.json' docs/reference/kernels.md)
  rm -rf "$fresh"
  if [[ $status != 0 ]]; then echo "Generated files are not fresh: run npm run generate and commit what it writes." >&2; fi
  return $status
}

package() { bash scripts/check-package.sh; }

asan() { bash scripts/test-asan.sh; }

check() {
  printf '== %s\n' "$1"
  "$1"
  case $? in
    0) passed=$((passed + 1)) ;;
    77)
      skipped=$((skipped + 1))
      echo "== $1 was skipped; the reason is above."
      ;;
    *)
      failed=$((failed + 1))
      echo "== $1 FAILED"
      ;;
  esac
}

if [[ $# == 0 ]]; then set -- types lint clang-format generated package asan; fi
for name; do
  case $name in
    types | lint | clang-format | generated | package | asan) check "$name" ;;
    *)
      echo "check: unknown check '$name'; the checks are types, lint, clang-format, generated, package, asan." >&2
      exit 2
      ;;
  esac
done
mkdir -p build/test
echo "$passed $failed $skipped" >build/test/summary.check
echo "$passed checks passed, $failed failed, $skipped skipped"
[[ $failed == 0 ]]
