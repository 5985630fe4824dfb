#!/usr/bin/env bash
# build-workload.sh [--arm64]: compiles the programs whose work the kernel tests know exactly, into build/workload/, or by the cross
# compiler into build/arm64/workload/. Does nothing when they are current.
set -euo pipefail
cd "$(dirname "$0")/.."
out=build/workload compiler=gcc compiler32=gcc
if [[ ${1:-} == --arm64 ]]; then
	# The program that makes 32-bit calls is a 32-bit one there.
	out=build/arm64/workload compiler=aarch64-linux-gnu-gcc compiler32=arm-linux-gnueabihf-gcc
fi
mkdir -p "$out"
for source in test/kernel/workload/*.c; do
	program=$out/$(basename "$source" .c)
	[ "$program" -nt "$source" ] && [ "$program" -nt test/kernel/workload/truth.h ] &&
		[ "$program" -nt scripts/build-workload.sh ] && continue
	"$([[ $source == */compat.c ]] && echo "$compiler32" || echo "$compiler")" -O2 -Wall -Wextra -Werror -static -pthread -o "$program.new" "$source"
	mv "$program.new" "$program"
done
