#!/usr/bin/env bash
# run-kernel.sh [-t SECONDS] [-w FOLDER] [-c CPUS] [-a ARGUMENT]... LABEL COMMAND: boots a kernel of build/kernels, its processor emulated, and
# runs a shell command in it as root, in the current folder, on this machine's files. What the command writes is gone
# afterwards, except below FOLDER. ARGUMENT goes to the kernel's command line (preempt=full). Output and exit status are the command's; 124: not done after SECONDS (300); 125: no boot,
# or it died; the end of its console is shown then.
set -euo pipefail
given=("$@")
# A timer that nobody has time to emulate is no broken one.
append=(--append no_timer_check) limit=300 share='' cpus=2
while getopts t:w:c:a: option; do
  case $option in
    t) limit=$OPTARG ;;
    w) share=$(cd "$OPTARG" && pwd) ;;
    c) cpus=$OPTARG ;;
    a) append+=(--append "$OPTARG") ;;
    *) exit 2 ;;
  esac
done
shift $((OPTIND - 1))
if [[ $# != 2 ]]; then
  echo 'usage: run-kernel.sh [-t SECONDS] [-w FOLDER] [-c CPUS] [-a ARGUMENT]... LABEL COMMAND' >&2
  exit 2
fi
checkout=$(cd "$(dirname "$0")/.." && pwd)
built=$checkout/build/kernels
release=$(<"$built/$1/release")

# Its root is composed by mounts, which are this process's own.
if [[ $1 == *-arm64 && -z ${BPFLOW_OWN_MOUNTS:-} ]]; then BPFLOW_OWN_MOUNTS=yes exec unshare -m bash "$0" "${given[@]}"; fi

# A console may be all that an old kernel has for output, so output and status go through files.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
{
  printf 'cd %q\n' "$PWD"
  printf 'PATH=%q:/usr/local/sbin:/usr/sbin:/sbin\n' "$PATH"
  echo 'ip link set lo up; mountpoint -q /sys/fs/bpf || mount -t bpf bpf /sys/fs/bpf'
  # So that a cgroup may have its memory limited.
  echo 'echo +memory >/sys/fs/cgroup/cgroup.subtree_control'
  # A file system on a block device, at $BPFLOW_DISK.
  echo 'export BPFLOW_DISK=/run/disk; mkdir -p /run/disk; truncate -s 256M /run/disk.img; modprobe -a loop ext4'
  echo 'mkfs.ext4 -q /run/disk.img && mount -o loop /run/disk.img /run/disk || unset BPFLOW_DISK'
  printf '(%s\n) >%q 2>&1 </dev/null\n' "$2" "$work/output"
  printf 'echo $? >%q; sync\n' "$work/status"
} >"$work/command"

# The root of another architecture: its user land, with the checkout in it, where what is compiled is covered by what is compiled for
# it.
compose_root() {
  local target=$1 root=$checkout/build/$1/root
  mkdir -p "$root$checkout" "$root/usr/lib/modules"
  mount --bind "$checkout" "$root$checkout"
  mount --bind "$root/usr/local/bin/node" "$root$checkout/node_modules/node/bin/node"
  for part in native workload; do mount --bind "$checkout/build/$target/$part" "$root$checkout/build/$part"; done
  mount --bind "$built/$2/lib/modules" "$root/usr/lib/modules"
}
case $1 in
  *-arm64)
    compose_root arm64 "$1"
    # Signed pointers and wide vectors are what takes longest when it is emulated.
    guest=(--arch arm64 --force-9p --root "$checkout/build/arm64/root" --busybox "$checkout/build/arm64/root/bin/busybox"
      '--qemu-opts=-cpu max,pauth=off,sve=off')
    ;;
  # Bytes one by one is how long strings are copied where the processor says that it is good at that.
  *) guest=(--disable-microvm '--qemu-opts=-cpu max,erms=off,fsrm=off') ;;
esac
PATH=$built/venv/bin:$PATH timeout -k 5 "$limit" "$built/venv/bin/vng" --run "$built/$1/boot/vmlinuz-$release" --disable-kvm "${guest[@]}" --overlay-rwdir "$PWD/build" \
  "${append[@]}" --cpus "$cpus" --memory 2G --verbose --rwdir "$work=$work" ${share:+--rwdir "$share=$share"} --exec "bash $work/command" \
  >"$work/console" 2>&1 </dev/null && ended=0 || ended=$?
if [[ -e $work/output ]]; then cat "$work/output"; fi
if [[ -s $work/status ]]; then exit "$(<"$work/status")"; fi
tail -n 15 "$work/console" >&2
if [[ $ended == 124 || $ended == 137 ]]; then exit 124; fi
exit 125
