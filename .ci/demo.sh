#!/usr/bin/env bash
# The demo: a deployment of its own in .demo/, from nothing to a label that was read. `demo.sh VENV stop` removes it.
set -euo pipefail
venv=$1
here=.demo
say() { printf '\n\033[1m$ decodeat-ops %s\033[0m\n' "$*"; }
run() { # show a command, then run it
    say "$@"
    (cd "$here" && "$venv/bin/decodeat-ops" "$@")
}
if [ "${2:-}" = stop ]; then
    [ -f "$here/decodeat-ops.toml" ] || { echo "There is no demo."; exit 0; }
    run remove --yes --name decodeat-demo --env demo --delete-data --delete-backups
    rm -rf "$here"
    exit 0
fi
if [ ! -f "$here/decodeat-ops.toml" ]; then
    mkdir -p "$here"
    run init --name decodeat --port 8000
    echo '# The demo is an environment of its own, so that it never meets a deployment of yours.' >"$here/decodeat-ops.demo.toml"
fi
run deploy --target local --env demo --yes
run checklist post-deploy --env demo --non-interactive
echo
(cd "$here" && DECODEAT_OPS_ENV=demo "$venv/bin/python" ../.ci/demo_label.py)
cat <<END

Next:
  export PATH=$venv/bin:\$PATH DECODEAT_OPS_ENV=demo; cd $here
  decodeat-ops status                  what serves, since when
  decodeat-ops backup                  one archive, read back
  decodeat-ops checklist pre-deploy    what must be true before the next deploy
  decodeat-ops rollback                once there are two releases
  make demo-stop                       take it all away
END
