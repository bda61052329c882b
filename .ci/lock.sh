#!/usr/bin/env bash
# Writes the lock files: exact versions with hashes and without any index address, so that every mirror will do.
# Each lock agrees with those before it: what is tested is what is installed.
set -euo pipefail
venv=$1
lock() { # lock NAME OPTION...
    local wanted=$1
    shift
    "$venv/bin/uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
        --no-annotate --no-header "$@" --output-file "$wanted.txt" "$wanted.in"
}
agreed=()
for wanted in decodeat/requirements decodeat_ops/requirements .ci/build tests/requirements; do
    lock "$wanted" "${agreed[@]}"
    agreed+=(--constraint "$wanted.txt")
done
# The emulator of AWS needs other versions than the product has, and gets an environment of its own.
lock tests/lab/ministack-requirements
