#!/usr/bin/env bash
# Makes a checkout ready to run: system packages, npm packages, static libbpf, BPF objects, native addon, kernel mounts.
# It does what is missing and nothing else; when nothing is missing it prints nothing.
#
#   scripts/setup.sh            what `npm start` needs
#   scripts/setup.sh --test     also what `npm test` needs: workload programs, Prometheus
#   scripts/setup.sh --check    also what the checks of .ci/run need: clang-format
#
# Without root the command that installs the system packages is printed. A step that fails does not stop the next; the
# exit status is 1 when one has failed. Each build script decides by itself whether its output is fresh. SYSROOT is where
# the tests keep another /usr/include and /proc/self/mounts.
set -euo pipefail
cd "$(dirname "$0")/.."

want_test=false want_check=false
for argument; do
  case $argument in
    --test) want_test=true ;;
    --check) want_check=true ;;
    *)
      echo "setup: unknown argument '$argument'; use --test, --check or nothing." >&2
      exit 2
      ;;
  esac
done

status=0
say() { printf 'setup: %s\n' "$*"; }
fail() {
  printf 'setup: %s\n' "$*" >&2
  status=1
}

# perform NAME TITLE COMMAND...: one line on the terminal; the output goes to build/setup/NAME.log; on failure its
# beginning and end are shown.
perform() {
  local log=build/setup/$1.log title=$2 started=$SECONDS
  shift 2
  printf 'setup: %s ... ' "$title"
  if "$@" </dev/null >"$log" 2>&1 8>&-; then
    printf 'done (%d s)\n' $((SECONDS - started))
  else
    printf 'failed\n'
    { head -n 5 "$log" && tail -n +6 "$log" | tail -n 20; } | sed 's/^/    /' >&2
    fail "$title failed; all of its output is in $log."
    return 1
  fi
}

# An `npm run` puts node_modules/.bin first in PATH; `npm ci` must not run with a Node that it is about to delete.
outside_checkout() {
  local folder path=
  while read -rd: folder; do
    [[ $folder == "$PWD/node_modules/.bin" ]] || path+=${path:+:}$folder
  done <<<"$PATH:"
  PATH=$path "$@"
}

# Fills `packages` with what the package manager calls the missing tools.
find_missing_packages() {
  packages=()
  tool clang "clang-16|clang" clang clang clang-16 clang
  tool llvm-strip "llvm" llvm llvm llvm-strip llvm-strip-16
  tool gcc gcc gcc "gcc musl-dev linux-headers" gcc
  tool g++ g++ gcc-c++ g++ g++
  tool make make make make make
  tool m4 m4 m4 m4 m4
  tool bzip2 bzip2 bzip2 bzip2 bzip2
  # Elsewhere than on Debian the addon links to the system's libbpf.
  if [[ $release != *ID=debian* ]]; then
    header libelf.h libelf-dev elfutils-libelf-devel elfutils-dev
    header zlib.h zlib1g-dev zlib-devel zlib-dev
    header bpf/libbpf.h libbpf-dev libbpf-devel libbpf-dev
  fi
  if $want_check; then tool clang-format clang-format clang-tools-extra clang-extra-tools clang-format; fi
}

# tool TITLE DEB RPM APK COMMAND...: one of the commands must exist.
tool() {
  local command
  for command in "${@:5}"; do
    if [[ -n $(type -P "$command") ]]; then return; fi
  done
  add_package "$2" "$3" "$4"
}

header() { [[ -e ${SYSROOT:-}/usr/include/$1 ]] || add_package "$2" "$3" "$4"; }

add_package() {
  case $manager in
    apt) packages+=("$1") ;;
    dnf) packages+=("$2") ;;
    apk) packages+=($3) ;;
    none) packages+=("${1%%|*}") ;;
  esac
}

install_packages() {
  case $manager in
    apt) apt_install ;;
    dnf) dnf install -y "${packages[@]}" ;;
    apk) apk add "${packages[@]}" ;;
  esac
}

# `clang-16|clang` stands for the first of them that this release has. The package lists are fetched only when they
# lack a package or are too old to download one.
apt_install() {
  export DEBIAN_FRONTEND=noninteractive
  local apt=(apt-get -qq -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3)
  local updated=false names=()
  choose_names || {
    "${apt[@]}" update
    updated=true
    choose_names
  }
  "${apt[@]}" install -y --no-install-recommends "${names[@]}" && return
  if $updated; then return 1; fi
  "${apt[@]}" update
  "${apt[@]}" install -y --no-install-recommends "${names[@]}"
}

choose_names() {
  local package name
  names=()
  for package in "${packages[@]}"; do
    for name in ${package//|/ }; do
      if apt-cache show "$name" >/dev/null 2>&1; then
        names+=("$name")
        continue 2
      fi
    done
    echo "apt knows none of: ${package//|/, }"
    return 1
  done
}

install_command() {
  local names=("${packages[@]%%|*}")
  if [[ $manager == apt ]]; then choose_names >/dev/null || names=("${packages[@]%%|*}"); fi
  case $manager in
    apt) echo "apt-get install -y --no-install-recommends ${names[*]}" ;;
    dnf) echo "dnf install -y ${names[*]}" ;;
    apk) echo "apk add ${names[*]}" ;;
  esac
}

set_up_system() {
  manager=none
  if [[ -n $(type -P apt-get) ]]; then
    manager=apt
  elif [[ -n $(type -P dnf) ]]; then
    manager=dnf
  elif [[ -n $(type -P apk) ]]; then manager=apk; fi

  release=
  if [[ -r ${SYSROOT:-}/etc/os-release ]]; then release=$(<"${SYSROOT:-}/etc/os-release"); fi
  find_missing_packages
  if [[ ${#packages[@]} == 0 ]]; then return; fi
  if [[ $manager == none ]]; then
    fail "these are missing, and there is no apt-get, dnf or apk to install them: ${packages[*]}."
  elif [[ $EUID != 0 ]]; then
    fail "system packages are missing; as root run: $(install_command)"
  else
    perform packages "installing ${packages[*]%%|*}" install_packages || true
  fi
}

#npm packages

set_up_node_modules() {
  local stamp=node_modules/.bpflow-setup key
  key=$(sha256sum <package-lock.json)
  if [[ -e $stamp && $(<"$stamp") == "$key" && -x node_modules/node/bin/node ]]; then return; fi
  if [[ -z $(type -P npm) ]]; then
    fail "there is no npm; install Node 20 or newer with npm."
    return
  fi
  if ! outside_checkout node scripts/installed-as-locked.js; then
    perform npm "npm ci" outside_checkout npm ci --loglevel=error || return 0
    if [[ ! -x node_modules/node/bin/node ]]; then
      perform npm-node "npm rebuild node (its install script was held back)" \
        outside_checkout npm rebuild node --ignore-scripts=false --loglevel=error || return 0
    fi
  fi
  echo "$key" >"$stamp"
}

build() {
  local script=scripts/$1 title=$2
  if [[ ! -e $script ]]; then return; fi
  bash "$script" 8>&- </dev/null || fail "$title could not be built; the reason is above. Again: $script"
}

# Where it is not allowed, the agent tells what is unavailable for the want of it.
mount_kernel_file_systems() {
  local mounts=${SYSROOT:-}/proc/self/mounts
  if [[ $EUID != 0 || ! -r $mounts ]]; then return; fi
  mounts=$(<"$mounts")
  mount_one tracefs /sys/kernel/tracing
  mount_one bpf /sys/fs/bpf
}

mount_one() {
  local type=$1 folder=${SYSROOT:-}$2
  if [[ $mounts == *" $2 $type "* || ! -d $folder ]]; then return; fi
  if mount -t "$type" "$type" "$folder" 2>/dev/null; then say "mounted $type at $folder."; fi
}

# Debian's Prometheus without installing it, so that no service is started on this machine.
set_up_prometheus() {
  local folder=build/tools/bin
  if [[ -x $folder/promtool || -n $(type -P promtool) ]]; then return; fi
  if [[ $manager != apt ]]; then
    say "Prometheus and promtool are not in PATH: tests that need them will be skipped."
    return
  fi
  perform prometheus "fetching Prometheus for the tests" fetch_prometheus || true
}

fetch_prometheus() (
  set -e
  work=$(mktemp -d "$PWD/build/setup/prometheus.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  cd "$work"
  apt-get -qq -o Acquire::Retries=3 -o APT::Sandbox::User=root download prometheus ||
    { [[ $EUID == 0 ]] && apt-get -qq update && apt-get -qq -o APT::Sandbox::User=root download prometheus; }
  dpkg-deb -x prometheus_*.deb .
  mkdir -p ../../tools/bin
  mv usr/bin/prometheus usr/bin/promtool ../../tools/bin/
)

if ! mkdir -p build/setup || [[ ! -w build/setup ]]; then
  echo "setup: cannot write to $PWD/build; run it as the owner of the checkout." >&2
  exit 1
fi
exec 8>build/setup/lock
if ! flock -n 8; then
  say "another set-up is running in this checkout; waiting for it."
  flock 8
fi

set_up_system
set_up_node_modules
export PATH=$PWD/node_modules/.bin:$PATH
build build-libbpf.sh libbpf
build build-bpf.sh "the BPF objects"
build build-addon.sh "the native addon"
if $want_test; then
  build build-workload.sh "the workload programs"
  set_up_prometheus
fi
mount_kernel_file_systems
exit $status
