#!/usr/bin/env bash
# build-kernels.sh [LABEL]...: what test/kernels boots, into build/kernels: Debian's kernels 5.10, 6.1, 6.12 and 7 (the newest),
# and of arm64 6.1-arm64 and 6.12-arm64, each unpacked (120 to 400 MB), and virtme-ng. Default: all of them.
#
# Does nothing for what is there. Nothing is installed but QEMU, and for arm64 the cross compiler; apt runs with sources and
# lists of its own, from the mirror in the machine's sources. Exit status: 0 = all are there; 77 = left out, the reason is on
# standard error.
set -uo pipefail
cd "$(dirname "$0")/.."
. scripts/debian.sh
out=$PWD/build/kernels
machine=$(dpkg --print-architecture)
mkdir -p "$out"
exec 9>"$out/lock"
flock 9
status=0

leave_out() {
  echo "kernels: left out: $1; reason: $2" >&2
  status=77
}

# fetch LABEL SUITE SECURITY_SUITE [ARCHITECTURE]
fetch() {
  local folder=$out/$1 work=$out/$1.new architecture=${4:-$machine} apt release
  if [[ -e $folder/release ]]; then return; fi
  rm -rf "$work"
  if ! debian_apt "$work" "$architecture" "$2" "$3"; then
    leave_out "$1" 'no Debian mirror stands in the sources of apt'
    return
  fi
  if ! (
    set -e
    cd "$work"
    # The main part of an old suite may be gone while its security part is not.
    apt-get "${apt[@]}" update || ls .apt/state/lists/*Packages* >/dev/null
    package=$(apt-cache "${apt[@]}" depends --no-recommends --no-suggests "linux-image-$architecture" |
      awk '/Depends: linux-image-/ { print $2; exit }')
    apt-get "${apt[@]}" download "$package"
    # From 7 on the image, its modules and its configuration are packages of their own.
    for part in $(apt-cache "${apt[@]}" depends --no-recommends --no-suggests "$package" |
      awk '/Depends: linux-(modules|base|binary)-/ { print $2 }'); do
      apt-get "${apt[@]}" download "$part"
    done
    for deb in *.deb; do dpkg-deb -x "$deb" .; done
    rm -rf -- *.deb .apt
    # Where /usr is merged the modules are below it.
    [[ -e lib ]] || ln -s usr/lib lib
    release=$(ls lib/modules | head -n 1)
    mkdir -p boot
    [[ -e boot/vmlinuz-$release ]] || cp "lib/modules/$release/vmlinuz" "boot/vmlinuz-$release"
    depmod -b . "$release"
    echo "$release" >release
  ) >"$out/$1.log" 2>&1; then
    leave_out "$1" "$(tail -n 1 "$out/$1.log") (all of it: build/kernels/$1.log)"
    return
  fi
  rm -rf "$folder"
  mv "$work" "$folder"
}

labels=("$@")
if [[ $# == 0 ]]; then labels=(5.10 6.1 6.12 7 6.1-arm64 6.12-arm64); fi
tools=(qemu-system-x86_64:qemu-system-x86)
# virtme-ng asks `file` about the shell of another architecture.
if [[ ${labels[*]} == *-arm64* ]]; then tools+=(qemu-system-aarch64:qemu-system-arm file:file); fi
missing=()
for tool in "${tools[@]}"; do [[ -n $(type -P "${tool%:*}") ]] || missing+=("${tool#*:}"); done
if [[ ${#missing[@]} != 0 ]]; then
  if ! DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 install -y --no-install-recommends \
    "${missing[@]}" kmod python3-venv >"$out/qemu.log" 2>&1; then
    leave_out QEMU "$(tail -n 1 "$out/qemu.log")"
    exit 77
  fi
fi
if [[ ! -x $out/venv/bin/vng ]]; then
  if ! { python3 -m venv "$out/venv" && "$out/venv/bin/pip" install -q 'virtme-ng==1.42'; } >"$out/venv.log" 2>&1; then
    rm -rf "$out/venv"
    leave_out virtme-ng "$(tail -n 1 "$out/venv.log")"
    exit 77
  fi
fi
# What the guests of another architecture run comes first: a kernel that is there can be booted.
if [[ ${labels[*]} == *-arm64* ]] && ! bash scripts/build-arm64.sh; then
  status=77
  mapfile -t labels < <(printf '%s\n' "${labels[@]}" | grep -v -- '-arm64$')
fi
for label in "${labels[@]}"; do
  case $label in
    5.10) fetch 5.10 bullseye bullseye-security ;;
    6.1) fetch 6.1 bookworm bookworm-security ;;
    6.12) fetch 6.12 trixie trixie-security ;;
    7) fetch 7 sid '' ;;
    6.1-arm64) fetch 6.1-arm64 bookworm bookworm-security arm64 ;;
    6.12-arm64) fetch 6.12-arm64 trixie trixie-security arm64 ;;
    *) leave_out "$label" 'known are 5.10, 6.1, 6.12, 7, 6.1-arm64 and 6.12-arm64' ;;
  esac
done
exit "$status"
