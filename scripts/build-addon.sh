#!/usr/bin/env bash
# Builds the native addon and the canary: build/native/bpflow.node, build/native/bpflow-canary. Does nothing when they are newer than
# their sources.
#
#   scripts/build-addon.sh           release build
#   scripts/build-addon.sh --asan    with AddressSanitizer and UBSan: build/native-asan/bpflow.node
#   scripts/build-addon.sh --arm64   by the cross compiler: build/arm64/native/
#
# Needs g++ (C++20), build/libbpf (scripts/build-libbpf.sh, called when missing) and the npm packages node-addon-api and
# node-api-headers, which have all of Node-API: no Node headers are downloaded.
set -euo pipefail
cd "$(dirname "$0")/.."

variant=native canary=build/native/bpflow-canary libbpf=build/libbpf
case ${1:-} in
  --asan) variant=native-asan ;;
  --arm64) variant=arm64/native canary=build/arm64/native/bpflow-canary libbpf=build/arm64/libbpf CXX=aarch64-linux-gnu-g++ ;;
esac
out=build/$variant/bpflow.node

if [[ ! $canary -nt native/canary.c || ! $canary -nt scripts/build-addon.sh ]]; then
  mkdir -p "${canary%/*}"
  "${CXX:-g++}" -x c -Os -Wall -Wextra -Werror -static -no-pie -nostdlib -ffreestanding -mgeneral-regs-only -fno-stack-protector \
    -fno-asynchronous-unwind-tables -Wl,--build-id=none,-z,noexecstack -s native/canary.c -o "$canary.$$"
  mv "$canary.$$" "$canary"
fi

stale() {
  [[ ! -f $out || ! -f $libbpf/link ]] && return 0
  [[ -n $(find native/src scripts/build-addon.sh $libbpf/recipe node_modules/node-addon-api/napi-inl.h \
    -newer "$out" -print -quit 2>/dev/null) ]]
}
stale || exit 0

for header in node-addon-api/napi.h node-api-headers/include/node_api.h; do
  [[ -f node_modules/$header ]] || { echo "The addon needs node_modules/$header: run npm ci first." >&2; exit 1; }
done
if [[ ${1:-} == --arm64 ]]; then scripts/build-libbpf.sh --arm64; else scripts/build-libbpf.sh; fi
mkdir -p "build/$variant"
exec 9>"build/$variant.lock"
flock 9
stale || exit 0

flags=(-std=c++20 -O2 -Wall -Wextra -Werror -fPIC -fvisibility=hidden -shared -pthread
  -DNAPI_VERSION=9 -DNODE_ADDON_API_CPP_EXCEPTIONS -DNODE_ADDON_API_DISABLE_DEPRECATED -DNODE_GYP_MODULE_NAME=bpflow
  -isystem node_modules/node-addon-api -isystem node_modules/node-api-headers/include)
if [[ $variant == native-asan ]]; then
  flags+=(-g -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-sanitize=vptr -fno-omit-frame-pointer)
else
  flags+=(-static-libstdc++ -static-libgcc -Wl,--exclude-libs,ALL -s)
fi
if [[ $(<$libbpf/link) == static ]]; then
  libraries=($libbpf/lib/libbpf.a $libbpf/lib/libelf.a $libbpf/lib/libeu.a
    $libbpf/lib/libz.a)
  flags+=(-isystem "$libbpf/include")
else
  libraries=(-lbpf -lelf -lz)
fi
echo "Building $out."
"${CXX:-g++}" "${flags[@]}" native/src/unity.cpp "${libraries[@]}" -o "$out.new"
mv "$out.new" "$out"
