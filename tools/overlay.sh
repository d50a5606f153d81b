#!/usr/bin/env bash
# Print an overlay for `go build` that lays the Go files of one folder, without its tests, over another: tools/overlay.sh FROM ONTO
set -euo pipefail
from=$(cd "$1" && pwd) onto=$(cd "$2" && pwd) comma=
printf '{"Replace":{'
for f in "$from"/*.go; do
	case $f in *_test.go) continue ;; esac
	printf '%s\n"%s/refine_%s":"%s"' "$comma" "$onto" "$(basename "$f")" "$f"
	comma=,
done
printf '\n}}\n'
