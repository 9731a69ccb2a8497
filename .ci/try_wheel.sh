#!/usr/bin/env bash
# Build a wheel and a source archive into dist, look at what they hold, and try the wheel in a new virtual environment with
# the packages of locks/plain.txt: .ci/try_wheel.sh BIN, where BIN holds the tools of the extra dev.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=$(realpath "$1")

rm -rf dist
"$bin/uv" build -q --no-build-isolation --python "$bin/python" --out-dir dist
"$bin/python" .ci/check_dist.py dist

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
unset VIRTUAL_ENV PYTHONPATH
"$bin/uv" venv -q --python "$bin/python" "$scratch/venv"
install() { "$bin/uv" pip install -q --python "$scratch/venv/bin/python" --no-deps "$@"; }
install --require-hashes -r locks/plain.txt
install dist/*.whl
cd "$scratch"
venv/bin/lgeqa --version
venv/bin/lgeqa demo -o demo
test -s demo/report.html
