"""Look at a machine's ground: the one script that prints all that a bootstrap decides by."""

from decodeat_ops.settings.schema import Loaded
from decodeat_ops.targets.vm.bootstrap.packages import PROGRAMS
from decodeat_ops.targets.vm.names import API_USER, EDGE_USER, GROUP, Names
from decodeat_ops.targets.vm.scripts.quoting import lines, word, words
from decodeat_ops.targets.vm.scripts.sections import BEGIN, END

LASTS = 180.0  # seconds; three sources that do not answer take most of them
ENGINES = ("docker.io", "docker-ce", "podman-docker")
COMPOSES = ("docker-compose", "docker-compose-v2", "docker-compose-plugin")
PACKAGES = (*ENGINES, *COMPOSES, "ca-certificates", "unattended-upgrades")
INFO = "{{.LoggingDriver}} {{.LiveRestoreEnabled}} {{.Swarm.LocalNodeState}} {{.ContainersRunning}} {{.DockerRootDir}}"

_MACHINE = """\
say begin "$(date +%s.%N)"
say user "$(id -u)"
say os-release; cat /etc/os-release /usr/lib/os-release 2>/dev/null | told
say machine "$(uname -m)" "$(nproc)"
say memory; grep -E '^MemTotal:' /proc/meminfo | told
space() {
  of=$1; while [ ! -e "$of" ]; do of=$(dirname "$of"); done
  say space "$(df -Pk "$of" | awk 'NR == 2 { print $4 }')" "$1"
}
say listening; cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | awk '$4 == "0A" { print $2 }' | told
if command -v ss >/dev/null; then ask listeners ss -Hltnp; fi
if [ -d /run/systemd/system ]; then
  say systemd yes
  ask synchronised timedatectl show -p NTPSynchronized --value
  ask timer systemctl is-enabled apt-daily-upgrade.timer
fi
"""
_DOCKER = """\
say docker-path "$(command -v docker)"
if command -v docker >/dev/null; then
  ask engine docker version --format '{{.Server.Version}}'
  ask compose docker compose version --short
  ask published docker ps --format '{{.Names}} {{.Ports}}'
fi
if [ -r /run/docker.pid ]; then say daemon; tr '\\0' ' ' <"/proc/$(cat /run/docker.pid)/cmdline" 2>/dev/null | told; fi
if [ -e /etc/docker/daemon.json ]; then say daemon-file; told </etc/docker/daemon.json; fi
"""
_PACKAGES = """\
if command -v dpkg-query >/dev/null; then
  # shellcheck disable=SC2016  # dpkg's own variables
  say packages; dpkg-query -W -f '${Package} ${db:Status-Status} ${Version}\\n' "$@" 2>/dev/null | told
  say policy; apt-cache policy "$@" 2>/dev/null | told
fi
say periodic; apt-config dump APT::Periodic 2>/dev/null | told
"""
# apt's own helper fetches with apt's own proxies; it needs no other program. What apt gets by a list of mirrors is
# not asked for: which of them it would take is its own matter.
_REACHED = """\
scratch=$(mktemp -d) || exit 70
reach() {
  section=$1 address=$2
  out=$(timeout 30 /usr/lib/apt/apt-helper -o Acquire::Retries=0 -o Acquire::http::Timeout=10 \\
    -o Acquire::https::Timeout=10 download-file "$address" "$scratch/file" 2>&1 </dev/null); status=$?
  say "$section $status $address"; printf '%s\\n' "$out" | told
}
if [ -x /usr/lib/apt/apt-helper ]; then
  if lacks; then
    # shellcheck disable=SC2016  # apt's own variables
    apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 'Created-By: Packages' 2>/dev/null \\
      | grep '^http' | sort -u | awk '!seen[$1]++' | head -n 4 | while read -r uri release; do
      reach archive "${uri}dists/$release/InRelease"
    done
  fi
  if [ -n "$registry" ]; then reach registry "https://$registry/v2/"; fi
fi
rm -rf "$scratch"
"""


def script(loaded: Loaded, names: Names) -> str:
    """Return the script that prints a machine's ground as sections. It changes nothing."""
    vm = loaded.settings.vm
    upgrades = "dpkg-query -W unattended-upgrades >/dev/null 2>&1" if vm.unattended_upgrades else "true"
    programs = " && ".join(f"command -v {one} >/dev/null" for one in PROGRAMS.get(vm.certificate, ())) or "true"
    return lines(
        BEGIN,
        f"registry={word(registry(loaded.settings.image.repository))}",
        f"lacks() {{ ! {{ docker compose version >/dev/null 2>&1 && {upgrades} && {programs}; }}; }}",
        _MACHINE,
        f"space {word(names.root)}",
        "space /var/lib/docker",
        _DOCKER,
        f"if command -v docker >/dev/null; then ask info docker info --format {word(INFO)}",
        f"ask network docker network inspect --format '{{{{.Driver}}}}' {word(names.network)}; fi",
        f'say programs; for name in {words(*PROGRAMS["acme"])}; do command -v "$name"; done | told',
        f"set -- {words(*PACKAGES)}",
        _PACKAGES,
        f"say taken; {{ getent passwd {words(API_USER, EDGE_USER)}; getent group {GROUP}; }} 2>/dev/null | told",
        _REACHED,
        'say end-time "$(date +%s.%N)"',
        END,
    )


def registry(repository: str) -> str:
    """Return the registry of a repository, "" for none and for one on the operator's own machine."""
    host = repository.partition("/")[0]
    if "/" not in repository or not ("." in host or ":" in host):
        return "registry-1.docker.io" if repository else ""
    return "" if host.partition(":")[0] in ("localhost", "127.0.0.1") else host
