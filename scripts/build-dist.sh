#!/usr/bin/env bash
# Makes what the npm package carries: dist/ (JavaScript and declarations) and prebuilds/ (the native addon of this
# architecture, BPF objects of all).
set -euo pipefail
cd "$(dirname "$0")/.."
bash scripts/setup.sh
rm -rf dist
node_modules/.bin/node node_modules/typescript/bin/tsc -p tsconfig.build.json
platform=linux-$(node_modules/.bin/node -p process.arch)
mkdir -p "prebuilds/$platform"
cp build/native/bpflow.node "prebuilds/$platform/"
