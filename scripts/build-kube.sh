#!/usr/bin/env bash
# build-kube.sh [apiserver|cluster]: what test/cluster runs, into build/kube, from the Go module proxy: kube-apiserver and
# etcd; cluster: also kube-controller-manager, kube-scheduler and kubelet.
#
# Does nothing for a program that is current. Exit status: 0 = all are there; 77 = left out (no Go, or no module could be
# fetched), the reason is on standard error. From nothing 5 to 7 minutes on two cores. KUBE_BIN: a folder with programs of
# these versions, to be used as they are.
set -uo pipefail
cd "$(dirname "$0")/.."
kubernetes=1.36.3 etcd=3.6.8 needed=1.26
out=$PWD/build/kube
commands=(kube-apiserver)
if [[ ${1:-apiserver} == cluster ]]; then commands+=(kube-controller-manager kube-scheduler kubelet); fi
mkdir -p "$out"
exec 9>"$out/lock"
flock 9

leave_out() {
  echo "kube: left out: $1" >&2
  exit 77
}
is_current() { [[ -x $out/$1 && -e $out/$1.version && $(<"$out/$1.version") == "$2" ]]; }
finish() {
  mv "$out/$1.new" "$out/$1"
  printf '%s\n' "$2" >"$out/$1.version"
}

missing=()
for command in "${commands[@]}"; do is_current "$command" "$kubernetes" || missing+=("$command"); done
is_current etcd "$etcd" || missing+=(etcd)
for command in "${missing[@]}"; do
  [[ -x ${KUBE_BIN:-}/$command ]] || continue
  version=$kubernetes
  if [[ $command == etcd ]]; then version=$etcd; fi
  cp "$KUBE_BIN/$command" "$out/$command.new" && finish "$command" "$version"
done
missing=()
for command in "${commands[@]}"; do is_current "$command" "$kubernetes" || missing+=("$command"); done

go=$(type -P go || true)
have=$("${go:-false}" env GOVERSION 2>/dev/null | sed 's/^go//')
usable() { [[ -n $have && $(printf '%s\n' "$needed" "$have" | sort -V | head -n 1) == "$needed" ]]; }
work=$(mktemp -d)
trap 'chmod -R u+w "$work" 2>/dev/null; rm -rf "$work"' EXIT
export CGO_ENABLED=0

if [[ ${#missing[@]} -gt 0 ]]; then
  usable || leave_out "Kubernetes is built with Go $needed or newer; there is ${have:-none}"
  mkdir "$work/kube"
  cd "$work/kube"
  # k8s.io/kubernetes has the k8s.io modules at v0.0.0 with local replaces: each is pinned to its release.
  mod=$(go mod download -json "k8s.io/kubernetes@v$kubernetes" 2>"$out/kube.log" | sed -n 's/.*"GoMod": "\(.*\)",/\1/p')
  [[ -n $mod ]] || leave_out "the Go modules of Kubernetes could not be fetched: $(tail -n 1 "$out/kube.log")"
  {
    echo 'module kubeparts'
    sed -n '/^go /p; /^godebug /p' "$mod"
    echo "require k8s.io/kubernetes v$kubernetes"
    for command in "${missing[@]}"; do echo "tool k8s.io/kubernetes/cmd/$command"; done
    awk -v v="v0.${kubernetes#1.}" '/=> \.\/staging/ { print "replace " $1 " => " $1 " " v }' "$mod"
  } >go.mod
  # Without these it calls itself v0.0.0-master.
  flags='-s -w'
  for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
    minor=${kubernetes#1.}
    flags+=" -X $package.gitVersion=v$kubernetes -X $package.gitMajor=1 -X $package.gitMinor=${minor%%.*}"
    flags+=" -X $package.gitTreeState=clean -X $package.buildDate=2026-01-01T00:00:00Z"
  done
  go mod tidy -e >>"$out/kube.log" 2>&1 || true
  for command in "${missing[@]}"; do
    nice go build -trimpath -ldflags "$flags" -o "$out/$command.new" "k8s.io/kubernetes/cmd/$command" \
      >>"$out/kube.log" 2>&1 || leave_out "$command could not be built: $(tail -n 1 "$out/kube.log")"
    finish "$command" "$kubernetes"
  done
fi

if ! is_current etcd "$etcd"; then
  usable || leave_out "etcd is built with Go $needed or newer; there is ${have:-none}"
  mkdir "$work/etcd"
  cd "$work/etcd"
  {
    go mod init etcdbin && go get -tool "go.etcd.io/etcd/server/v3@v$etcd" &&
      nice go build -trimpath -ldflags '-s -w' -o "$out/etcd.new" go.etcd.io/etcd/server/v3
  } >"$out/etcd.log" 2>&1 || leave_out "etcd could not be built: $(tail -n 1 "$out/etcd.log")"
  finish etcd "$etcd"
fi
