#!/bin/bash
# stop.sh DIR: ends what start-apiserver.sh or start-cluster.sh started for DIR, and undoes mounts, bridge, address and cgroups.
# State and logs stay in DIR.
set -uo pipefail
D=$(realpath "${1:?usage: stop.sh DIR}")
end() { # NAME: SIGKILL (a graceful end of the apiserver takes seconds with open watches) and wait
  local pid
  [ -s "$D/$1.pid" ] || return 0
  pid=$(cat "$D/$1.pid")
  rm -f "$D/$1.pid"
  # only if the pid is still this program
  tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -q "$1" || return 0
  kill -9 "$pid" 2>/dev/null
  # a zombie is dead enough: some containers' init reaps late
  while [ -e "/proc/$pid" ] && ! grep -q '^State:.Z' "/proc/$pid/status" 2>/dev/null; do sleep 0.02; done
}
end kubelet   # first, or it starts everything again
for p in controller-manager scheduler apiserver etcd; do end $p; done

if [ -S "$D/containerd.sock" ]; then
  c() { timeout 20 ctr -a "$D/containerd.sock" -n k8s.io "$@"; }
  all=$(c containers ls -q 2>/dev/null)
  nets=$(for i in $all; do c containers info "$i"; done 2>/dev/null | grep -o '/[^"]*/netns/cni-[0-9a-f-]*' | sort -u)
  for i in $(c tasks ls -q 2>/dev/null); do c tasks kill -s KILL "$i" >/dev/null 2>&1; done
  for i in $all; do { c tasks rm -f "$i"; c containers rm "$i"; } >/dev/null 2>&1 & done
  wait
  end containerd
  for p in /proc/[0-9]*; do   # shims of this containerd
    if { tr '\0' ' ' <"$p/cmdline"; } 2>/dev/null | grep -q "^[^ ]*containerd-shim.*$D/containerd.sock"; then kill -9 "${p#/proc/}"; fi
  done
  for n in $nets; do umount "$n" 2>/dev/null; rm -f "$n"; done
fi
sleep 0.2
awk -v d="$D/" 'index($2, d) == 1 { print $2 }' /proc/mounts | sort -r | while read -r m; do umount -l "$m"; done
if [ -s "$D/bridge" ]; then
  ip link del "$(cat "$D/bridge")" 2>/dev/null
  ip addr del "$(cat "$D/node-ip")/32" dev lo 2>/dev/null
  find /sys/fs/cgroup -depth -type d -path '*/kubepods*' -exec rmdir {} + 2>/dev/null
  rm -rf "$D/cni/state" "$D/containerd.sock" "$D/containerd.sock.ttrpc"
fi
exit 0
