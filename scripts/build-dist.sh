#!/usr/bin/env bash
# Makes what the npm package carries: dist/ (JavaScript and declarations) and prebuilds/ (the native addon and the canary of
# this architecture, the BPF objects of both).
set -euo pipefail
cd "$(dirname "$0")/.."
bash scripts/setup.sh
rm -rf dist
node_modules/.bin/node node_modules/typescript/bin/tsc -p tsconfig.build.json
addon_folder=prebuilds/linux-$(node_modules/.bin/node -p process.arch)
mkdir -p prebuilds/linux-x64 prebuilds/linux-arm64
cp build/native/bpflow.node build/native/bpflow-canary "$addon_folder/"
cp build/bpf/x86/*.bpf.o prebuilds/linux-x64/
cp build/bpf/arm64/*.bpf.o prebuilds/linux-arm64/
