#!/usr/bin/env bash
# Packs the npm package, installs it into an empty folder, and asks what a user would ask first.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
export PATH=$root/node_modules/.bin:$PATH
version=$(node -p 'require("./package.json").version')
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

bash scripts/build-dist.sh --here
npm pack --silent --ignore-scripts --pack-destination "$work" >/dev/null
mkdir "$work/user"
cd "$work/user"
echo '{ "private": true, "type": "module" }' >package.json
npm install --silent --prefer-offline --no-audit --no-fund "$work/bpflow-$version.tgz"

expect() {
  local what=$1 wanted=$2 got=$3
  if [[ $got != *"$wanted"* ]]; then
    printf 'The packed package: %s: expected "%s", got:\n%s\n' "$what" "$wanted" "$got" >&2
    exit 1
  fi
}
run() { "$@" 2>&1 || true; }

expect 'bpflow version' "$version" "$(run node_modules/.bin/bpflow version)"
expect 'import of bpflow/sdk' function \
  "$(run node -e 'import("bpflow/sdk").then((sdk) => console.log(typeof sdk.defineReceiver))')"
expect 'validate of the example' 'status 0' \
  "$(run node_modules/.bin/bpflow validate --config node_modules/bpflow/pipeline.example.yaml && echo status 0)"
leaked=$(find node_modules/bpflow \( -name '*.test.*' -o -name '*.ts' ! -name '*.d.ts' \) -print -quit)
expect 'no sources and tests in it' '<none>' "<${leaked:-none}>"
echo "The package of $(du -sh node_modules/bpflow | cut -f1) installs and runs."
