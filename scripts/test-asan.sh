#!/usr/bin/env bash
# Runs the addon's tests under AddressSanitizer and UBSan: scripts/test-asan.sh [test files]
#
# The sanitizer's own leak check is off, because Node never frees what it has at its end; native/lifetime.test.ts watches
# memory and descriptors over many rounds instead. The quarantine is kept small for it.
set -euo pipefail
cd "$(dirname "$0")/.."
PATH=$PWD/node_modules/.bin:$PATH

scripts/build-addon.sh --asan

files=("$@")
((${#files[@]})) || files=(native/*.test.ts)

# The C++ runtime comes with the sanitizer's: it must find the functions that throw when it starts.
preload=$(${CXX:-g++} -print-file-name=libasan.so):$(${CXX:-g++} -print-file-name=libstdc++.so.6)
BPFLOW_TEST_ADDON=$PWD/build/native-asan/bpflow.node LD_PRELOAD=$preload \
  ASAN_OPTIONS=detect_leaks=0:quarantine_size_mb=4:abort_on_error=1 UBSAN_OPTIONS=print_stacktrace=1 \
  node --conditions=source --test --test-concurrency=1 "${files[@]}"
