#!/bin/sh
# Put a Chroma server into a folder, without installing it: make test-chroma runs the adapter against it.
#
#   tools/chroma.sh .cache/chroma    then    .cache/chroma/chroma run --path DATA --host 127.0.0.1 --port 8123
#
# The server is the one of the npm package. Its binding needs glibc 2.38; where the system's is older (Debian 12), node
# runs with Debian 13's C library, which is unpacked into the folder too.
set -eu
to=$(mkdir -p "$1" && cd "$1" && pwd)
[ -e "$to/chroma" ] && exit 0
(cd "$to" && npm install --silent --no-audit --no-fund --prefix . chromadb@3.5.0)
node=$(readlink -f "$(command -v node)")
cli="$to/node_modules/chromadb/dist/cli.mjs"
launch="'$node' '$cli'"
glibc=$(getconf GNU_LIBC_VERSION 2>/dev/null | awk '{print $2}')
if [ -n "$glibc" ] && [ "$(printf '%s\n2.38\n' "$glibc" | sort -V | head -n 1)" != 2.38 ]; then
	sources=/etc/apt/sources.list.d/debian.sources
	if [ ! -e "$sources" ]; then
		echo "chroma: needs glibc 2.38 or later, or Debian with $sources; here is $glibc" >&2
		exit 1
	fi
	mkdir -p "$to/apt/lists/partial" "$to/apt/sources" "$to/debs"
	awk 'NF==0{exit} {print}' "$sources" | sed 's/^Suites:.*/Suites: trixie/' >"$to/apt/sources/trixie.sources"
	apt() {
		apt-get -qq -o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts="$to/apt/sources" -o Dir::State::lists="$to/apt/lists" \
			-o Dir::State::status=/dev/null -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= -o APT::Sandbox::User=root "$@"
	}
	apt update
	(cd "$to/debs" && apt download libc6 libgcc-s1 libstdc++6)
	for deb in "$to"/debs/*.deb; do
		dpkg -x "$deb" "$to/root"
	done
	rm -r "$to/debs" "$to/apt"
	loader=$(find "$to/root" -name 'ld-linux*.so.*' | head -n 1)
	libs=$(dirname "$(find "$to/root" -name 'libc.so.6' | head -n 1)")
	launch="'$loader' --library-path '$libs' '$node' '$cli'"
fi
printf '#!/bin/sh\nexec %s "$@"\n' "$launch" >"$to/chroma"
chmod +x "$to/chroma"
