#!/usr/bin/env bash
# Installs what the system lacks, through its package manager where that is allowed, else says what to install.
set -euo pipefail

want() { # want COMMAND-OR-TEST PACKAGE...
    if eval "$1" >/dev/null 2>&1; then return; fi
    shift
    missing+=("$@")
}

missing=()
want 'python3 -c "import sys; assert sys.version_info >= (3, 11)"' python3
want 'python3 -c "import venv, ensurepip"' python3-venv
want 'command -v tesseract' tesseract-ocr
want 'tesseract --list-langs | grep -qx kor' tesseract-ocr-kor
if [ "${1:-}" = test ]; then
    want '/usr/bin/python3 -c "import venv, ensurepip"' python3-venv
    want 'command -v git' git
    want 'command -v shellcheck' shellcheck  # of the scripts that run on machines
    want 'command -v zstd' zstd
    want 'command -v tmux' tmux
    want 'ls /usr/lib/postgresql/*/bin/initdb' postgresql
    want 'command -v redis-server' redis-server
    want 'command -v nginx || test -x /usr/sbin/nginx' nginx-light
    want 'command -v wrk' wrk  # the load of `make bench`
    # The lab runs a Docker engine of its own, which takes root; elsewhere its tests say that they were skipped.
    if [ "$(id -u)" = 0 ]; then
        want 'test -x /usr/sbin/dockerd -o -x /usr/bin/dockerd' docker.io
        want 'command -v mmdebstrap' mmdebstrap
        want 'test -x /usr/sbin/ufw -a -x /usr/sbin/iptables' ufw iptables  # firewalls in networks of their own
        want 'command -v docker-registry' docker-registry
        want 'command -v htpasswd' apache2-utils
        # Machines over SSH: each test's own server, and what becomes root there.
        want 'test -x /usr/sbin/sshd' openssh-server
        want 'command -v sudo' sudo
        want 'command -v pebble && command -v pebble-challtestsrv' pebble  # an authority of certificates
        want 'command -v certbot' certbot
    fi
    # The faces that synthetic labels are printed in.
    want 'test -e /usr/share/fonts/truetype/nanum/NanumGothic.ttf' fonts-nanum
    want 'test -e /usr/share/fonts/opentype/noto/NotoSerifCJK-Bold.ttc' fonts-noto-cjk
    want 'test -e /usr/share/fonts/truetype/unfonts-core/UnDotum.ttf' fonts-unfonts-core
    want 'test -e /usr/share/fonts/truetype/baekmuk/gulim.ttf' fonts-baekmuk
fi
[ ${#missing[@]} -eq 0 ] && exit 0

if ! command -v apt-get >/dev/null; then
    echo "Please install: ${missing[*]}" >&2
    exit 1
fi
run=()
if [ "$(id -u)" != 0 ]; then
    if ! command -v sudo >/dev/null || ! sudo -n true 2>/dev/null; then
        echo "Please install: sudo apt-get install ${missing[*]}" >&2
        exit 1
    fi
    run=(sudo -n)
fi
echo "installing ${missing[*]}"
# Tests start the servers that they need: none is to run because it was installed, and SSH not after a reboot either.
if [ ! -e /usr/sbin/policy-rc.d ]; then
    trap '"${run[@]}" rm -f /usr/sbin/policy-rc.d' EXIT
    printf '#!/bin/sh\nexit 101\n' | "${run[@]}" tee /usr/sbin/policy-rc.d >/dev/null
    "${run[@]}" chmod 755 /usr/sbin/policy-rc.d
fi
if [[ " ${missing[*]} " == *" openssh-server "* ]] && [ -d /etc/systemd/system ]; then
    for unit in ssh.service ssh.socket; do
        [ -e "/etc/systemd/system/$unit" ] || "${run[@]}" ln -s /dev/null "/etc/systemd/system/$unit"
    done
fi
"${run[@]}" apt-get update -qq
"${run[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
