#!/usr/bin/env bash
# Builds libbpf 1.5, libelf 0.192 and zlib 1.3 from Debian's source packages as static, position-independent libraries into
# build/libbpf/{lib,include}. Debian's own static libraries are not position independent: they cannot go into an addon.
# Where the sources cannot be had, build/libbpf/link says `system`, and the addon links to the system's libbpf.
#
#   scripts/build-libbpf.sh            does nothing when build/libbpf is there
#   scripts/build-libbpf.sh --force    builds again, for example after a fallback to the system's libbpf
#   scripts/build-libbpf.sh --arm64    by the cross compiler, into build/arm64/libbpf
#
# Needs gcc, make, m4 and bzip2. The machine's own apt state is not changed.
set -euo pipefail
cd "$(dirname "$0")/.."
out=$PWD/build/libbpf cross='' host=''
if [[ ${1:-} == --arm64 ]]; then out=$PWD/build/arm64/libbpf cross=aarch64-linux-gnu- host=--host=aarch64-linux-gnu; fi
recipe=2

if [[ ${1:-} != --force && -f $out/recipe && $(<"$out/recipe") == "$recipe" ]]; then
  exit 0
fi

debian_mirror() { apt-get indextargets "$@" --format '$(SITE)' | grep -m1 -E '/debian/?$'; }

build_static() (
  set -euo pipefail
  work=$1
  cd "$work"
  command -v apt-get >/dev/null || { echo "there is no apt-get"; exit 1; }
  mirror=$(debian_mirror) || {
    # An image without package lists: apt tells the mirror only after an update, which goes into a folder of our own.
    mkdir -p machine/partial cache/archives/partial
    apt-get -qq -o "Dir::State::lists=$work/machine" -o "Dir::Cache=$work/cache" -o APT::Sandbox::User=root update
    mirror=$(debian_mirror -o "Dir::State::lists=$work/machine") || { echo "apt knows no Debian mirror"; exit 1; }
  }
  mkdir -p lists/partial cache/archives/partial
  echo "deb-src $mirror trixie main" >sources.list
  apt=(apt-get -qq -o "Dir::Etc::sourcelist=$work/sources.list" -o Dir::Etc::sourceparts=/dev/null
    -o "Dir::State::lists=$work/lists" -o "Dir::Cache=$work/cache" -o APT::Sandbox::User=root
    -o Acquire::http::Timeout=20 -o Acquire::Retries=1)
  "${apt[@]}" update
  "${apt[@]}" source --download-only libbpf elfutils zlib
  for archive in libbpf_*.orig.tar.* elfutils_*.orig.tar.* zlib_*.orig.tar.*; do tar xf "$archive"; done

  mkdir -p result/lib
  zlib=$(echo "$work"/zlib-*/)
  elfutils=$(echo "$work"/elfutils-*/)
  cd "$zlib"
  CHOST=${cross%-} CFLAGS="-O2 -fPIC" ./configure --static
  make -s libz.a
  cd "$elfutils"
  ./configure -q $host --disable-debuginfod --disable-libdebuginfod --disable-nls --without-bzlib --without-lzma \
    --without-zstd CFLAGS="-O2 -fPIC" CPPFLAGS="-I$zlib" LDFLAGS="-L$zlib"
  make -s -C lib
  make -s -C libelf libelf.a
  cp "$zlib/libz.a" libelf/libelf.a lib/libeu.a "$work/result/lib/"
  cd "$work"/libbpf-*/src
  make -s -j2 CROSS_COMPILE="$cross" CC="${cross}gcc" BUILD_STATIC_ONLY=1 CFLAGS="-O2 -fPIC -I$elfutils/libelf -I$zlib" NO_PKG_CONFIG=1
  make -s CROSS_COMPILE="$cross" BUILD_STATIC_ONLY=1 NO_PKG_CONFIG=1 DESTDIR="$work/result" PREFIX= LIBDIR=/lib install install_uapi_headers
  cd "$work"
  echo static >result/link
)

system_version() {
  pkg-config --modversion libbpf 2>/dev/null ||
    { echo '#include <bpf/libbpf.h>' | ${CXX:-g++} -E -x c++ - >/dev/null 2>&1 && echo unknown; }
}

mkdir -p "${out%/*}"
exec 9>"$out.lock"
flock 9
if [[ ${1:-} != --force && -f $out/recipe && $(<"$out/recipe") == "$recipe" ]]; then
  exit 0
fi
# Not below build/: the makefiles cannot stand a space in a path.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
echo "Building static libbpf 1.5 and libelf 0.192 (about 30 s)."
# As a job, because `set -e` has no effect inside the condition of an `if`.
build_static "$work" >"$work/log" 2>&1 &
if ! wait $!; then
  reason=$(grep -v '^$' "$work/log" | tail -n 1)
  if [[ -n $cross ]]; then
    tail -n 20 "$work/log" >&2
    echo "libbpf for arm64: cannot build it ($reason)." >&2
    exit 1
  fi
  version=$(system_version) || {
    tail -n 20 "$work/log" >&2
    echo "libbpf: cannot build it ($reason), and the system has none; install the package libbpf-dev, or make Debian's source packages reachable for apt-get." >&2
    exit 1
  }
  rm -rf "$work/result"
  mkdir -p "$work/result"
  echo system >"$work/result/link"
  echo "libbpf: cannot build a static one ($reason); the addon will use the system's libbpf $version. Try again with scripts/build-libbpf.sh --force." >&2
fi
echo "$recipe" >"$work/result/recipe"
rm -rf "$out"
mv "$work/result" "$out"
