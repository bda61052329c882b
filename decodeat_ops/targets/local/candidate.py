"""Describe the release that a deploy would bring to this machine: digests only, nothing is built."""

from decodeat_ops.core.target import Candidate, Origin
from decodeat_ops.deployment import source
from decodeat_ops.deployment.inputs import secrets_digest
from decodeat_ops.deployment.release import LocalRelease
from decodeat_ops.deployment.tools import Tools
from decodeat_ops.targets.local import configuration


def candidate(tools: Tools) -> Candidate[LocalRelease]:
    """Return what the source and the settings of now would become."""
    found = source.read(tools.loaded)
    local = tools.loaded.settings.local
    release = LocalRelease(
        id="",
        fingerprint=configuration.fingerprint(found, tools.loaded),
        code=found.code,
        lock=found.lock,
        secrets=secrets_digest(tools.secrets, tools.layout),
        revision="",
        created_at="",
        created_by="",
        origin="",
        data="",
        host=local.host,
        port=local.port,
    )
    return Candidate(release, Origin("built", found.package), (("listens on", f"{local.host}:{local.port}"),))
