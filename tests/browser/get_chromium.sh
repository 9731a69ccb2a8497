#!/bin/sh
# Sees to it that the browser tests have a Chromium: one that is there, else Debian's, else Playwright's own.
#   get_chromium.sh PYTHON    PYTHON has Playwright.
set -eu
python=$1

[ -n "${LGEQA_CHROMIUM:-}" ] && exit 0
for name in chromium chromium-browser google-chrome; do
  command -v "$name" >/dev/null && exit 0
done
echo "Installing Chromium for the browser tests"
if command -v apt-get >/dev/null; then
  as_root=
  [ "$(id -u)" = 0 ] || as_root="sudo -n"
  if $as_root apt-get update -qq && DEBIAN_FRONTEND=noninteractive $as_root apt-get install -qq -y chromium >/dev/null; then
    exit 0
  fi
fi
"$python" -m playwright install chromium || {
  echo "The browser tests need Chromium: install it, or name it in LGEQA_CHROMIUM." >&2
  exit 1
}
