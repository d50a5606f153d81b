#!/bin/sh
# Put Mesa's software Vulkan driver (lavapipe) into a folder, without installing it: make test-webgpu runs GPU code paths
# on it. Debian 12's own Mesa 22 is too old for WebGPU; the backports' 25 is not.
#
#   tools/lavapipe.sh .cache/lavapipe
#
# Everything stays in the folder. The packages come from the mirror that the system's apt is set up with.
set -eu
to=$(mkdir -p "$1" && cd "$1" && pwd)
[ -e "$to/lavapipe.env" ] && exit 0
sources=/etc/apt/sources.list.d/debian.sources
if [ ! -e "$sources" ]; then
	echo "lavapipe: needs Debian 12 with $sources; elsewhere install Mesa 25's Vulkan drivers and set VK_DRIVER_FILES" >&2
	exit 1
fi
mkdir -p "$to/apt/lists/partial" "$to/apt/sources" "$to/debs"
# The first stanza is the main archive; the same again for its backports.
awk 'NF==0{exit} {print}' "$sources" >"$to/apt/sources/main.sources"
sed 's/^Suites:.*/Suites: bookworm-backports/' "$to/apt/sources/main.sources" >"$to/apt/sources/backports.sources"
apt() {
	apt-get -qq -o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts="$to/apt/sources" -o Dir::State::lists="$to/apt/lists" \
		-o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= -o APT::Sandbox::User=root "$@"
}
apt update
wanted=$(apt install -s --no-install-recommends -t bookworm-backports mesa-vulkan-drivers libvulkan1 |
	awk '/^Inst/ {v = $3; if (v ~ /^\[/) v = $4; gsub(/[()]/, "", v); print $2 "=" v}')
[ -n "$wanted" ] && (cd "$to/debs" && apt download $wanted)
for deb in "$to"/debs/*.deb; do
	dpkg -x "$deb" "$to/root"
done
rm -r "$to/debs" "$to/apt"
icd=$(find "$to/root" -name 'lvp_icd*.json' | head -n 1)
lib=$(dirname "$(find "$to/root" -name 'libvulkan_lvp.so' | head -n 1)")
# The manifest names the driver by a path of an installed system.
sed "s|\"library_path\": *\"[^\"]*\"|\"library_path\": \"$lib/libvulkan_lvp.so\"|" "$icd" >"$to/lvp_icd.json"
printf 'VK_DRIVER_FILES=%s\nLD_LIBRARY_PATH=%s\n' "$to/lvp_icd.json" "$lib:${LD_LIBRARY_PATH:-}" >"$to/lavapipe.env"
