#!/usr/bin/env bash
# `npm run bench [-- ROW...]`: the budgets, each beside its reference, in one run on this machine.
set -euo pipefail
cd "$(dirname "$0")/.."
bash scripts/setup.sh --test
export PATH=$PWD/node_modules/.bin:$PWD/build/tools/bin:$PATH
exec node --conditions=source --disable-warning=ExperimentalWarning test/bench/main.ts "$@"
