"""Bring nginx, and what stands beside it, to the files of a release, without a connection that breaks."""

from decodeat_ops.targets.vm import labels
from decodeat_ops.targets.vm.documents import paths
from decodeat_ops.targets.vm.names import GROUP, Names
from decodeat_ops.targets.vm.scripts.colour import kept, link, own
from decodeat_ops.targets.vm.scripts.frame import MISSING, NO_START, UNCHANGED, UNTESTED, lacks, say_log, script
from decodeat_ops.targets.vm.scripts.ledger import directories
from decodeat_ops.targets.vm.scripts.quoting import lines, word

CERTIFICATE, KEY = "DECODEAT_CERTIFICATE", "DECODEAT_KEY"  # the input's variables with one for the first start
_CONF = f"{paths.EDGE}/current/nginx.conf"
_GENERATION = f"http://127.0.0.1:{paths.GENERATION_PORT}/generation"


def edge(names: Names, release: str, generation: str, wait: float) -> str:
    """Return the script that brings a machine's edge to the files of a release, and waits until nginx runs with them.

    Its input are lines that export the secrets of Redis and PostgreSQL, and a certificate for a machine that has none.
    Files that nginx refuses end it with `UNTESTED` before anything has changed. Compose makes a container anew only
    where its own definition has changed; files alone are a reload. It ends with `UNCHANGED` when nginx does not run
    with them in `wait` seconds, and then leads back to the ones before.
    """
    files = f"releases/{release}/edge"
    compose = f"docker compose -p {word(names.project('edge'))} -f {word(f'{files}/compose.yaml')}"
    test = word(names.container("nginx-test"))
    conf = word(f"{paths.EDGE}/{generation}/nginx.conf")
    tested = f"{compose} run --rm --no-deps -T --name {test} nginx nginx -t -c {conf}"
    return script(
        names.root,
        f"[ -f {word(f'{files}/compose.yaml')} ] || {lacks(release, MISSING)}",
        'eval "$(cat)"',
        places(names),
        _certificate(),
        _laid(files, generation),
        f"docker rm -f {test} >/dev/null 2>&1 || :",
        f"if ! {tested} >edge.log 2>&1 </dev/null; then",
        # What nginx says begins with its name; else it was never asked.
        f"  status={NO_START}; if grep -q '^nginx: ' edge.log; then status={UNTESTED}; fi",
        "  tail -n 20 edge.log; rm -f edge.log; exit $status",
        "fi",
        "before=$(readlink edge/current)",
        link(generation, "edge/current"),
        f"if ! {compose} up -d --no-build --pull missing >edge.log 2>&1 </dev/null; then",
        "  tail -n 20 edge.log; rm -f edge.log",
        _lead_back(),
        f"  exit {NO_START}",
        "fi",
        "rm -f edge.log",
        _reloaded(names, generation, wait),
        _lead_back(),
        say_log(names.container("nginx"), 10),
        f"exit {UNCHANGED}",
    )


def places(names: Names) -> str:
    """Return the commands that make the network and the directories that containers have, where they are not there."""
    network, label = word(names.network), word(f"{labels.DEPLOYMENT}={names.deployment}")
    return lines(
        own(),
        directories("edge", "certificates", "acme", "data"),
        f"docker network inspect {network} >/dev/null 2>&1 ||",
        f"  docker network create --label {label} {network} >/dev/null || exit {NO_START}",
    )


def _certificate() -> str:
    """Return the commands that take the certificate of the input where there is none, so that nginx can start."""
    return lines(
        "if [ ! -f certificates/live/fullchain.pem ]; then",
        f'  [ -n "${{{CERTIFICATE}:-}}" ] || exit {MISSING}',
        f"  install -d -o 0 -g {GROUP} -m 0750 certificates/self-signed || exit",
        f"  printf '%s' \"${CERTIFICATE}\" >certificates/self-signed/fullchain.pem || exit",
        f"  printf '%s' \"${KEY}\" >certificates/self-signed/privkey.pem || exit",
        "  chmod 0640 certificates/self-signed/*.pem && chgrp " + f"{GROUP} certificates/self-signed/*.pem || exit",
        "  sync -f certificates/self-signed || exit",
        "  " + link("self-signed", "certificates/live"),
        "fi",
        f"unset {CERTIFICATE} {KEY}",
    )


def _laid(files: str, generation: str) -> str:
    there = word(f"edge/{generation}")
    return lines(
        f"if [ ! -d {there} ]; then",
        f"  rm -rf edge/.new && cp -R {word(f'{files}/nginx')} edge/.new || exit",
        f"  chgrp -R {GROUP} edge/.new && chmod -R u=rwX,g=rX,o= edge/.new || exit",
        # A generation that is there is taken for whole by every later change.
        f"  sync -f edge/.new && mv -T edge/.new {there} || exit",
        "fi",
    )


def _reloaded(names: Names, generation: str, wait: float) -> str:
    """Return lines that end the script well once nginx answers with the generation; a reload comes later than said."""
    container, told = word(names.container("nginx")), f"wget -q -O - {_GENERATION} || curl -fsS {_GENERATION}"
    return lines(
        f"docker exec {container} nginx -c {_CONF} -s reload >/dev/null 2>&1 </dev/null",
        f"end=$(($(date +%s) + {wait:.0f}))",
        "while :; do",
        f"  answer=$(docker exec {container} sh -c {word(told)} 2>/dev/null </dev/null)",
        f'  [ "$answer" != {word(generation)} ] || exit 0',
        '  [ "$(date +%s)" -lt "$end" ] || break',
        "  sleep 0.2",
        "done",
    )


def _lead_back() -> str:
    return lines(
        'if [ -n "$before" ]; then',
        f'  ln -sfn "$before" edge/current.new && mv -T edge/current.new edge/current && {kept("edge/current")}',
        "fi",
    )


def down(names: Names) -> str:
    """Return the script that takes away what a first deploy has made: nginx and what stands beside it."""
    project = f"label=com.docker.compose.project={names.project('edge')}"
    return script(
        names.root,
        f"containers=$(docker ps -aq --filter {word(project)}) || exit",
        "# shellcheck disable=SC2086 # ids are words",
        '[ -z "$containers" ] || docker rm -f $containers >/dev/null || exit',
        "rm -f edge/current",
    )
