#!/usr/bin/env bash
# The demo: a deployment of its own in .demo/, from nothing to a label that was read. `demo.sh OPS stop` removes it.
set -euo pipefail
ops=$1
here=.demo
run() { # show a command, then run it
    printf '\n\033[1m$ decodeat-ops %s\033[0m\n' "$*"
    (cd "$here" && "$ops" "$@")
}
if [ "${2:-}" = stop ]; then
    [ -f "$here/decodeat-ops.toml" ] || { echo "There is no demo."; exit 0; }
    run remove --yes --name decodeat-production --delete-data --delete-backups
    rm -rf "$here"
    exit 0
fi
mkdir -p "$here"
[ -f "$here/decodeat-ops.toml" ] || run init --yes
run deploy --target local --yes
run checklist post-deploy --non-interactive
run check api.label --show
printf '\nNext:  cd %s;  %s status | releases | backup | restore | rollback | checklist pre-deploy\n' "$here" "$ops"
printf 'Away:  make demo-stop\n'
