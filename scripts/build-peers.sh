#!/usr/bin/env bash
# build-peers.sh [sink|loadgen|otelcol|hubble-server]...: builds what test/peers and some benches run, into build/peers. Default: all.
#
# Does nothing for a program that is current. Exit status: 0 = all are there; 77 = left out (no Go, or no module could be
# fetched), the reason is on standard error; 1 = a source of ours does not compile. The Collector and Cilium's Hubble take 2
# to 5 minutes each the first time on two cores; what they need comes from the Go module proxy.
set -uo pipefail
cd "$(dirname "$0")/.."
needed=1.26
out=$PWD/build/peers
mkdir -p "$out"

leave_out() {
  echo "peers: left out: $1; reason: $2" >&2
  [[ $status == 1 ]] || status=77
}

# is_current NAME: the program is there, built from the sources as they are.
is_current() { [[ -x $out/$1 && -e $out/$1.key && $(<"$out/$1.key") == "$(key_of "$1")" ]]; }
key_of() { cat scripts/build-peers.sh "test/peers/$1"/*.{go,mod,sum,yaml} 2>/dev/null | sha256sum; }

# Our own programs, of modules that go.sum names.
build_program() {
  local log=$out/$1.log
  if ! (cd "test/peers/$1" && go mod download) >"$log" 2>&1; then
    leave_out "$1" "its Go modules could not be fetched: $(tail -n 1 "$log")"
    return
  fi
  if ! (cd "test/peers/$1" && CGO_ENABLED=0 nice go build -trimpath -buildvcs=false -o "$out/$1.new" .) >>"$log" 2>&1; then
    echo "peers: $1 does not compile:" >&2
    tail -n 20 "$log" >&2
    status=1
    return
  fi
  finish "$1"
}

# The builder's own `go mod tidy` fails on modules that only tests need, so its steps are done one by one.
build_otelcol() {
  local log=$out/otelcol.log work
  work=$(mktemp -d "$out/otelcol.XXXXXX")
  if ! (
    set -e
    cp test/peers/otelcol/manifest.yaml "$work"
    cd "$work"
    GOBIN=$work nice go install go.opentelemetry.io/collector/cmd/builder@v0.155.0
    ./builder --config manifest.yaml --skip-compilation || true
    cd src
    go mod tidy -e || true
    CGO_ENABLED=0 nice go build -mod=mod -trimpath -buildvcs=false -ldflags='-s -w' -o "$out/otelcol.new" .
  ) >"$log" 2>&1; then
    leave_out otelcol "the Collector could not be built: $(tail -n 1 "$log") (all of it: build/peers/otelcol.log)"
  else
    finish otelcol
  fi
  chmod -R u+w "$work" && rm -rf "$work"
}

finish() {
  mv "$out/$1.new" "$out/$1"
  key_of "$1" >"$out/$1.key"
}

status=0
if [[ $# == 0 ]]; then set -- sink loadgen otelcol hubble-server; fi
exec 8>"$out/lock"
flock 8
for name; do
  if is_current "$name"; then continue; fi
  rm -f "$out/$name" "$out/$name.key"
  if [[ -z $(type -P go) ]]; then
    leave_out "$name" "there is no Go; Go $needed or newer builds it"
  elif version=$(go env GOVERSION) && version=${version#go} &&
    [[ $(printf '%s\n' "$needed" "$version" | sort -V | head -n 1) != "$needed" ]]; then
    leave_out "$name" "Go is $version; Go $needed or newer builds it"
  else
    echo "peers: building $name (its log: build/peers/$name.log)"
    case $name in
      sink | loadgen | hubble-server) build_program "$name" ;;
      otelcol) build_otelcol ;;
      *)
        echo "peers: unknown program '$name'; there are sink, loadgen, otelcol, hubble-server." >&2
        exit 2
        ;;
    esac
  fi
done
exit $status
