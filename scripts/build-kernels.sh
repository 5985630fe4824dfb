#!/usr/bin/env bash
# build-kernels.sh [LABEL]...: what test/kernels boots, into build/kernels: Debian's kernels 5.10, 6.1, 6.12 and 7 (the newest),
# each unpacked (120 to 400 MB), and virtme-ng. Default: all of them.
#
# Does nothing for what is there. Nothing is installed but QEMU; apt runs with sources and lists of its own, from the mirror in
# the machine's sources. Exit status: 0 = all are there; 77 = left out, the reason is on standard error.
set -uo pipefail
cd "$(dirname "$0")/.."
out=$PWD/build/kernels
mkdir -p "$out"
exec 9>"$out/lock"
flock 9
status=0

leave_out() {
  echo "kernels: left out: $1; reason: $2" >&2
  status=77
}

# The first URI of the machine's sources whose suite has this name, in both forms that apt reads.
uri_of() {
  {
    cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null |
      sed -nE 's/^deb +(\[[^]]*\] +)?([^ ]+) +([^ ]+) .*main.*/\2 \3/p'
    cat /etc/apt/sources.list.d/*.sources 2>/dev/null |
      awk '/^URIs:/ { uri = $2 } /^Suites:/ { for (i = 2; i <= NF; i++) print uri, $i }'
  } | awk -v suite="$1" '$2 == suite { print $1; exit }'
}

# fetch LABEL SUITE SECURITY_SUITE
fetch() {
  local folder=$out/$1 work=$out/$1.new apt release main security codename
  if [[ -e $folder/release ]]; then return; fi
  codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
  main=$(uri_of "$codename") security=$(uri_of "$codename-security")
  if [[ -z $main ]]; then
    leave_out "$1" 'no Debian mirror stands in the sources of apt'
    return
  fi
  rm -rf "$work"
  mkdir -p "$work"/.apt/{etc/preferences.d,etc/apt.conf.d,state/lists/partial,cache/archives/partial}
  : >"$work/.apt/status"
  local signed='[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]'
  {
    echo "deb $signed $main $2 main"
    if [[ -n $3 && -n $security ]]; then echo "deb $signed $security $3 main"; fi
  } >"$work/.apt/etc/sources.list"
  apt=(-o "Dir::Etc=$work/.apt/etc" -o Dir::Etc::sourceparts=/dev/null -o "Dir::State=$work/.apt/state"
    -o "Dir::State::status=$work/.apt/status" -o "Dir::Cache=$work/.apt/cache" -o APT::Sandbox::User=root
    -o Acquire::Languages=none -o Acquire::Check-Valid-Until=false -o Acquire::Retries=3 -q)
  if ! (
    set -e
    cd "$work"
    # The main part of an old suite may be gone while its security part is not.
    apt-get "${apt[@]}" update || ls .apt/state/lists/*Packages* >/dev/null
    package=$(apt-cache "${apt[@]}" depends --no-recommends --no-suggests "linux-image-$(dpkg --print-architecture)" |
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

if [[ -z $(type -P qemu-system-x86_64) ]]; then
  if ! DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 install -y --no-install-recommends \
    qemu-system-x86 kmod python3-venv >"$out/qemu.log" 2>&1; then
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
labels=("$@")
if [[ $# == 0 ]]; then labels=(5.10 6.1 6.12 7); fi
for label in "${labels[@]}"; do
  case $label in
    5.10) fetch 5.10 bullseye bullseye-security ;;
    6.1) fetch 6.1 bookworm bookworm-security ;;
    6.12) fetch 6.12 trixie trixie-security ;;
    7) fetch 7 sid '' ;;
    *) leave_out "$label" 'known are 5.10, 6.1, 6.12 and 7' ;;
  esac
done
exit "$status"
