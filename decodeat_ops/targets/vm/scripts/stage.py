"""Bring the files of a release to a machine: unpacked beside the others, and there at once by one rename."""

from decodeat_ops.targets.vm.names import GROUP, Names
from decodeat_ops.targets.vm.scripts.frame import MISSING, lacks, script
from decodeat_ops.targets.vm.scripts.quoting import lines, word


def stage(names: Names, release: str) -> str:
    """Return the script that reads a tar archive with the files of a release, and lays them out as its directory.

    One that is there already is left alone: a release's files never change. Nothing but the files for nginx and Redis
    can be read by others than root.
    """
    here, there = word(f"staging/{release}"), word(f"releases/{release}")
    return script(
        names.root,
        f"if [ -f {there}/release.json ]; then cat >/dev/null; exit 0; fi",
        f"rm -rf {here} && mkdir -p {here} releases || exit",
        f"tar -xf - --no-same-owner --no-same-permissions -C {here} || {{ status=$?; rm -rf {here}; exit $status; }}",
        f"chown -R 0:0 {here} && chmod -R u=rwX,go= {here} || exit",
        f"if [ -d {here}/edge ]; then",
        f"  chgrp -R {GROUP} {here}/edge && chmod -R u=rwX,g=rX,o= {here}/edge || exit",
        "fi",
        f"rm -rf {there} && sync -f {here} && mv -T {here} {there} && sync releases",
    )


def from_text(names: Names, release: str) -> str:
    """Return the script that does so with an archive in base64."""
    return lines("base64 -d | (", stage(names, release), ")")


def copy(names: Names, of: str, release: str, record: str) -> str:
    """Return the script that lays out a release as a copy of another one there, with its own id and record.

    Ids are unlike anything else in those files.
    """
    here, there, source = word(f"staging/{release}"), word(f"releases/{release}"), word(f"releases/{of}")
    files = " ".join(f"{here}/{name}" for name in ("service.env", "compose.yaml"))
    return script(
        names.root,
        f"[ ! -f {there}/release.json ] || exit 0",
        f"[ -f {source}/compose.yaml ] || {lacks(of, MISSING)}",
        f"rm -rf {here} && mkdir -p staging && cp -Rp {source} {here} || exit",
        f"sed -i {word(f's/{of}/{release}/g')} {files} || exit",
        f"printf '%s' {word(record)} >{here}/release.json || exit",
        f"rm -rf {there} && sync -f {here} && mv -T {here} {there} && sync releases",
    )


def unstage(names: Names, release: str) -> str:
    """Return the script that deletes a release's directory, and what a broken transfer has left of it."""
    there = f"releases/{release}"
    return script(
        names.root,
        f"rm -rf {word(f'staging/{release}')} || exit",
        "for link in colours/blue colours/green stopped; do",
        f'  case "$(readlink "$link" 2>/dev/null)" in *{word(there)}) rm -f "$link" ;; esac',
        "done",
        f"rm -rf {word(there)}",
    )
