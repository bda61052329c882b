#!/usr/bin/env bash
# venv.sh VENV LOCK...: a virtual environment that holds exactly what the lock files say, and this checkout.
set -euo pipefail
venv=$1
shift
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
locks=()
for lock in "$@"; do locks+=(--requirement "$lock"); done
echo "installing the locked dependencies of $*"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes "${locks[@]}"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
