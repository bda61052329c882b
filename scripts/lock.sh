#!/usr/bin/env bash
# Writes the lock files: exact versions with hashes and without any index address, so that every mirror will do.
set -euo pipefail
venv=$1
for folder in decodeat decodeat_ops tests; do
    "$venv/bin/uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
        --no-annotate --no-header --output-file "$folder/requirements.txt" "$folder/requirements.in"
done
