#!/usr/bin/env bash
# Runs every generator, scripts/generate-*.ts: writes the *.gen.ts and dashboards of the checkout, or those files into FOLDER.
#
#   scripts/generate.sh [FOLDER]
set -euo pipefail
cd "$(dirname "$0")/.."
bash scripts/setup.sh
for generator in scripts/generate-*.ts; do
  node_modules/.bin/node --conditions=source --disable-warning=ExperimentalWarning "$generator" "$@"
done
