#!/usr/bin/env bash
# build-bpf.sh: compiles bpf/*.bpf.c for x86-64 and arm64 into build/bpf/<arch>/, each as <name>.bpf.o and, for kernels before
# 5.12, as <name>.plain-atomics.bpf.o. Does nothing when the objects are current.
set -euo pipefail
cd "$(dirname "$0")/.."

current() {
	[ -e build/bpf/stamp ] && [ -z "$(find bpf scripts/build-bpf.sh build/libbpf/recipe \( -name '*.c' -o -name '*.h' -o -name '*.sh' -o -name recipe \) -newer build/bpf/stamp -print -quit 2>/dev/null)" ]
}
current && exit 0

clang=$(command -v clang-16 || command -v clang || true)
[ -n "$clang" ] || { echo "build-bpf.sh: clang is missing. Run 'npm run setup' as root, or install clang (14 or newer)." >&2; exit 1; }
strip=$(command -v "${clang/clang/llvm-strip}" || command -v llvm-strip || command -v llvm-strip-16 || command -v llvm-strip-14 || true)
[ -d build/libbpf/include ] && include=build/libbpf/include || include=/usr/include
# linux/types.h pulls in asm/types.h, which Debian keeps by architecture; its content is the same for all.
asm=$(echo /usr/include/*-linux-gnu | tr ' ' '\n' | head -n 1)

exec 9>build/bpf.lock
flock 9
current && exit 0
compile() { # ARCH SOURCE OBJECT FLAG...
	"$clang" -target bpf -mcpu=v3 -O2 -g -Wall -Wextra -Werror -Wno-unused-parameter -Wno-missing-field-initializers \
		"-D__TARGET_ARCH_$1" -I"$include" -I"$asm" "${@:4}" -c "$2" -o "$3.new"
	[ -z "$strip" ] || "$strip" -g "$3.new"
	mv "$3.new" "$3"
}
for arch in x86 arm64; do
	mkdir -p "build/bpf/$arch"
	for source in bpf/*.bpf.c; do
		object=build/bpf/$arch/$(basename "$source" .bpf.c)
		compile "$arch" "$source" "$object.bpf.o"
		compile "$arch" "$source" "$object.plain-atomics.bpf.o" -DPLAIN_ATOMICS
	done
done
# The structs that kernel and user space share must have no holes: padding would be read as data.
for header in bpf/*.h; do
	"$clang" -target bpf -O2 -Wall -Wextra -Wpadded -Werror -I"$include" -I"$asm" -x c -fsyntax-only "$header"
done
touch build/bpf/stamp
