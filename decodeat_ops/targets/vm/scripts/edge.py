"""Bring nginx, and what stands beside it, to the files of a release, without a connection that breaks."""

from decodeat_ops.targets.vm import labels
from decodeat_ops.targets.vm.documents import paths
from decodeat_ops.targets.vm.names import GROUP, Names
from decodeat_ops.targets.vm.scripts.colour import kept, link, own
from decodeat_ops.targets.vm.scripts.frame import (
    LOG,
    MISSING,
    NO_START,
    UNCHANGED,
    UNPASSED,
    UNTESTED,
    lacks,
    say_log,
    script,
)
from decodeat_ops.targets.vm.scripts.ledger import directories
from decodeat_ops.targets.vm.scripts.quoting import lines, word, words

CERTIFICATE, KEY = "DECODEAT_CERTIFICATE", "DECODEAT_KEY"  # the input's variables with one for the first start
POSTGRES_SECONDS = 120  # in which PostgreSQL has to answer, after its first start or with much to recover
_CONF = f"{paths.EDGE}/current/nginx.conf"
_GENERATION = f"http://127.0.0.1:{paths.GENERATION_PORT}/generation"
# psql reads the password in the container, and quotes it itself; neither the server's log nor an error has it.
_ROLE = """\
\\set VERBOSITY terse
\\set password `printenv POSTGRES_PASSWORD`
SET log_statement = none;
SET log_min_duration_statement = -1;
SET log_min_error_statement = panic;
ALTER ROLE decodeat PASSWORD :'password';
"""
# Prints in a colour's container what Redis and PostgreSQL were given for it: the one's digest, the other's password.
_GIVEN = """\
import hashlib, os, urllib.parse as parse

def password(variable, host):
    url = parse.urlsplit(os.environ.get(variable, ""))
    return parse.unquote(url.password or "") if url.hostname == host else ""

redis = password("REDIS_URL", "redis")
print(hashlib.sha256(redis.encode()).hexdigest() if redis else "", password("DATABASE_URL", "postgres"), sep=":")
"""


def edge(names: Names, release: str, generation: str, wait: float, *, back: bool = False) -> str:
    """Return the script that brings a machine's edge to the files of a release, and waits until nginx runs with them.

    Its input are lines that export the secrets of Redis and PostgreSQL, and a certificate for a machine that has none.
    On the way `back` the secrets are those that what clients reach was started with, where it runs. Files that nginx
    refuses end it with `UNTESTED` before anything has changed. Compose makes a container anew only where its own
    definition has changed; files alone are a reload. It ends with `UNCHANGED` when nginx does not run with them in
    `wait` seconds, and then leads back to the ones before; with `UNPASSED` when only PostgreSQL's password is not set.
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
        _as_before(names) if back else "",
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
        _passed(names),
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


def _as_before(names: Names) -> str:
    """Return the commands that take the stores' secrets from what the colour was started with that clients reach."""
    return lines(
        f"serves={word(names.container(''))}$(readlink run/active)",
        f'told=$(timeout 20 docker exec "$serves" python -c {word(_GIVEN)} 2>/dev/null </dev/null) || told=',
        "case ${told%%:*} in",
        "  '' | *[!0-9a-f]*) ;;",
        '  *) export REDIS_PASSWORD_SHA256="${told%%:*}" ;;',
        "esac",
        '[ -z "${told#*:}" ] || export POSTGRES_PASSWORD="${told#*:}"',
    )


def _passed(names: Names) -> str:
    """Return the commands that tell PostgreSQL its password: its image reads it when it makes its directory alone.

    `ended` is the script's status afterwards.
    """
    container = word(names.container("postgres"))
    psql = words("psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-U", "decodeat", "-d", "decodeat")
    return lines(
        "ended=0",
        f'if [ -n "${{POSTGRES_PASSWORD:-}}" ] && docker inspect --type container {container} >/dev/null 2>&1; then',
        f"  end=$(($(date +%s) + {POSTGRES_SECONDS}))",
        # Over TCP, by which it does not answer while its directory is made.
        f"  until docker exec {container} pg_isready -q -h 127.0.0.1 >/dev/null 2>&1 </dev/null; do",
        '    [ "$(date +%s)" -lt "$end" ] || break',
        "    sleep 0.2",
        "  done",
        "  # shellcheck disable=SC2016 # psql's own words",
        f"  if ! printf '%s' {word(_ROLE)} | docker exec -i {container} {psql} >edge.log 2>&1; then",
        f"    ended={UNPASSED}; echo {word(LOG)}; tail -n 5 edge.log; docker logs --tail 10 {container} 2>&1",
        "  fi",
        "  rm -f edge.log",
        "fi",
    )


def _reloaded(names: Names, generation: str, wait: float) -> str:
    """Return lines that end the script as `ended` says once nginx has the generation; its reload may come later."""
    container, told = word(names.container("nginx")), f"wget -q -O - {_GENERATION} || curl -fsS {_GENERATION}"
    return lines(
        f"docker exec {container} nginx -c {_CONF} -s reload >/dev/null 2>&1 </dev/null",
        f"end=$(($(date +%s) + {wait:.0f}))",
        "while :; do",
        f"  answer=$(docker exec {container} sh -c {word(told)} 2>/dev/null </dev/null)",
        f'  [ "$answer" != {word(generation)} ] || exit $ended',
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
