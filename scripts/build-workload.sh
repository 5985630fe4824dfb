#!/usr/bin/env bash
# build-workload.sh: compiles the programs whose work the kernel tests know exactly, into build/workload/. Does nothing when they are current.
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p build/workload
for source in test/kernel/workload/*.c; do
	program=build/workload/$(basename "$source" .c)
	[ "$program" -nt "$source" ] && [ "$program" -nt test/kernel/workload/truth.h ] &&
		[ "$program" -nt scripts/build-workload.sh ] && continue
	gcc -O2 -Wall -Wextra -Werror -static -pthread -o "$program.new" "$source"
	mv "$program.new" "$program"
done
