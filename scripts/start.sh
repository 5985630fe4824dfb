#!/usr/bin/env bash
# `npm start`: set-up, then the agent with the example's pipelines. Arguments go to `bpflow run`.
set -euo pipefail
cd "$(dirname "$0")/.."
bash scripts/setup.sh || echo "setup: incomplete; starting with what there is." >&2
command=(bin/bpflow run --config pipeline.example.yaml "$@")
export PATH=$PWD/node_modules/.bin:$PATH

if [[ -z ${npm_lifecycle_event:-} || ! -t 0 ]]; then
  exec "${command[@]}"
fi

# Under npm on a terminal one Ctrl-C comes twice: from the terminal to all, and from npm to its child. A second one
# means "at once" to the agent, so npm's copy ends here. What npm passes on besides is passed on.
"${command[@]}" <&0 &
agent=$!
trap : INT
trap 'kill -TERM "$agent" 2>/dev/null' TERM
trap 'kill -HUP "$agent" 2>/dev/null' HUP
status=0
wait "$agent" || status=$?
# Above 128 a trap ended the wait, not the agent; or the agent ended by a signal, and waiting again says 127.
while [[ $status -gt 128 ]]; do
  again=0
  wait "$agent" 2>/dev/null || again=$?
  if [[ $again == 127 ]]; then break; fi
  status=$again
done
exit "$status"
