#!/usr/bin/env bash
# The suites that need more than this machine gives at once: other kernels, real peers, a cluster, hours.
#
#   scripts/suite.sh NAME             all of test/NAME
#   scripts/suite.sh NAME --short     what fits into 5 minutes, for .ci/run; peers are built before, once (2 to 5 min)
#
# A suite is the folder test/NAME: its *.test.ts run one after the other, with BPFLOW_SUITE=full or short in their
# environment. A suite without tests says what it leaves out, and why.
set -euo pipefail
cd "$(dirname "$0")/.."

case ${1:-} in
  kernels) covers='exact counts on kernels other than the running one' ;;
  peers) covers='OpenTelemetry Collectors, Prometheus and OTLP back ends of other makers' ;;
  cluster) covers='enrichment against a real Kubernetes API server' ;;
  soak) covers='hours of load: memory, maps and ledgers stay flat' ;;
  *)
    echo "usage: scripts/suite.sh kernels|peers|cluster|soak [--short]" >&2
    exit 2
    ;;
esac
suite=$1 extent=full
if [[ ${2:-} == --short ]]; then extent=short; fi

files=()
if [[ -d test/$suite ]]; then
  mapfile -t files < <(find "test/$suite" -name fixtures -prune -o -name '*.test.ts' -print | LC_ALL=C sort)
fi
if [[ ${#files[@]} == 0 ]]; then
  echo "test:$suite ($extent): left out: $covers; reason: test/$suite has no tests yet."
  mkdir -p build/test
  echo "0 0 1" >"build/test/summary.$suite"
  exit 0
fi
bash scripts/setup.sh --test
export PATH=$PWD/node_modules/.bin:$PWD/build/tools/bin:$PATH BPFLOW_SUITE=$extent
# What cannot be built is left out by the tests that need it, with the reason.
if [[ $suite == peers ]]; then bash scripts/build-peers.sh || [[ $? == 77 ]]; fi
if [[ $suite == kernels && $extent == full ]]; then bash scripts/build-kernels.sh || [[ $? == 77 ]]; fi
mkdir -p build/test
exec node --conditions=source --disable-warning=ExperimentalWarning --test --test-concurrency=1 \
  --test-reporter=spec --test-reporter-destination=stdout \
  --test-reporter=./scripts/summary-reporter.js --test-reporter-destination="build/test/summary.$suite" "${files[@]}"
