#!/usr/bin/env bash
# Sets up what the test of the page needs in a folder: playwright-core and axe-core from npm, and a Chromium on this machine,
# installed with apt-get where that is possible. Exit code 3: it cannot be had here; the reason is printed.
set -euo pipefail
folder=$1
here=$(cd "$(dirname "$0")/.." && pwd)
missing() { echo "the page is not tested in a browser: $1" >&2; exit 3; }

command -v node >/dev/null && command -v npm >/dev/null || missing "there is no node with npm"
found() { for c in "${CHROMIUM:-}" /usr/bin/chromium /usr/bin/chromium-browser /usr/bin/google-chrome "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"; do [ -n "$c" ] && [ -x "$c" ] && return 0; done; return 1; }
if ! found; then
  [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || missing "there is no Chromium, and only root on Debian could install it here; CHROMIUM=/path/to/it names one"
  { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends chromium; } >/dev/null 2>&1 || missing "apt-get cannot install chromium"
  found || missing "chromium was installed, but is not there"
fi
mkdir -p "$folder"
cp "$here"/integration/serve/testdata/browser/* "$folder/"
if ! cmp -s "$folder/package.json" "$folder/.installed"; then
  (cd "$folder" && npm install --silent --no-audit --no-fund --no-package-lock >/dev/null) || missing "npm cannot install playwright-core and axe-core"
  cp "$folder/package.json" "$folder/.installed"
fi
