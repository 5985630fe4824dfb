#!/usr/bin/env bash
# build-dist.sh [--here]: makes what the npm package carries: dist/ (JavaScript and declarations) and prebuilds/ (the native addon,
# the canary and the BPF objects of both architectures). The addon for arm64 needs the cross compiler g++-aarch64-linux-gnu; without
# it, and with --here, an arm64 machine that installs the package has objects without an addon, which it says.
set -euo pipefail
cd "$(dirname "$0")/.."
bash scripts/setup.sh
rm -rf dist
node_modules/.bin/node node_modules/typescript/bin/tsc -p tsconfig.build.json
addon_folder=prebuilds/linux-$(node_modules/.bin/node -p process.arch)
mkdir -p prebuilds/linux-x64 prebuilds/linux-arm64
cp build/native/bpflow.node build/native/bpflow-canary "$addon_folder/"
if [[ $addon_folder != prebuilds/linux-arm64 ]]; then
  rm -f prebuilds/linux-arm64/bpflow*
  if [[ ${1:-} == --here ]]; then
    echo 'prebuilds/linux-arm64 gets no addon: only what this machine runs was asked for.' >&2
  elif [[ -z $(type -P aarch64-linux-gnu-g++) ]]; then
    echo 'prebuilds/linux-arm64 gets no addon: there is no cross compiler; install g++-aarch64-linux-gnu.' >&2
  else
    scripts/build-addon.sh --arm64
    cp build/arm64/native/bpflow.node build/arm64/native/bpflow-canary prebuilds/linux-arm64/
  fi
fi
cp build/bpf/x86/*.bpf.o prebuilds/linux-x64/
cp build/bpf/arm64/*.bpf.o prebuilds/linux-arm64/
