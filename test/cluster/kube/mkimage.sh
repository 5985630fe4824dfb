#!/bin/bash
# mkimage.sh NAME:TAG OUT.tar [PROGRAM...]: one-layer image (docker-archive) of Debian's busybox-static, with these static
# programs in /bin; it sleeps until it gets SIGTERM
set -euo pipefail
usage="usage: mkimage.sh NAME:TAG OUT.tar [PROGRAM...]"
ref=${1:?$usage} out=$(realpath -m "${2:?$usage}")
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
mkdir -p "$t/r/bin" "$t/r/tmp" "$t/r/etc"
cp "$(command -v busybox)" "$t/r/bin/busybox"
for a in sh sleep cat ls mkdir wget nc httpd ps dd true; do ln -s busybox "$t/r/bin/$a"; done
if [ $# -gt 2 ]; then cp "${@:3}" "$t/r/bin/"; fi
echo 'root:x:0:0::/:/bin/sh' > "$t/r/etc/passwd"
tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -C "$t/r" -cf "$t/layer.tar" .
d=$(sha256sum < "$t/layer.tar" | cut -d' ' -f1)
arch=$(dpkg --print-architecture)
cat > "$t/config.json" <<J
{"architecture":"$arch","os":"linux","config":{"Env":["PATH=/bin"],"Cmd":["/bin/sh","-c","trap 'exit 0' TERM INT; sleep 2147483647 & wait"],"WorkingDir":"/"},"rootfs":{"type":"layers","diff_ids":["sha256:$d"]},"history":[{"created_by":"mkimage"}]}
J
echo "[{\"Config\":\"config.json\",\"RepoTags\":[\"$ref\"],\"Layers\":[\"layer.tar\"]}]" > "$t/manifest.json"
tar -C "$t" -cf "$out" manifest.json config.json layer.tar
