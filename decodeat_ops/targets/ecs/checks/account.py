"""Check what a deploy needs in AWS: who calls, where to, and what has to be there."""

from collections.abc import Callable

from decodeat_ops.checks.answer import answer
from decodeat_ops.checks.subject import Subject
from decodeat_ops.core.check import Check, Finding, Status
from decodeat_ops.core.errors import Configuration, Unreachable
from decodeat_ops.core.image import Reference
from decodeat_ops.core.target import Origin
from decodeat_ops.targets.ecs import identity, observing, quotas, rights
from decodeat_ops.targets.ecs.findings import Findings
from decodeat_ops.targets.ecs.place import Place
from decodeat_ops.targets.ecs.release import EcsRelease
from decodeat_ops.targets.ecs.verifying import balancing, image, network, platform, roles, secrets, starting

IDENTITY, ENDPOINT = "ecs.identity", "ecs.endpoint"
Judge = Callable[[Place, Findings], None]
_NOT_MADE = EcsRelease(
    id="", fingerprint="", code="", lock="", secrets="", revision="", created_at="", created_by="", origin="", data=""
)


def who(place: Place, subject: Subject) -> Finding:
    """Check that AWS accepts the credentials, and that they are of the settings' account."""
    caller = identity.who(place)
    return answer(
        IDENTITY, Status.PASS, "ecs.caller", caller=caller.shown, account=caller.account, region=place.names.region
    )


def endpoint(place: Place, subject: Subject) -> Finding:
    """Check that AWS itself is called: an override is for emulators, and whoever serves it sees every secret."""
    override = place.loaded.settings.ecs.endpoint
    if override:
        return answer(ENDPOINT, Status.WARN, "ecs.overridden", endpoint=override)
    return answer(ENDPOINT, Status.PASS, "ecs.itself", region=place.names.region)


def _registry(place: Place, findings: Findings) -> None:
    image.judge(place, _NOT_MADE, Origin("built"), findings)


def _engine(place: Place, findings: Findings) -> None:
    """Judge the engine that builds and pushes; an image that is named by its digest needs none."""
    if Reference.parse(place.loaded.settings.ecs.image).digest:
        return
    try:
        place.images()
    except (Unreachable, Configuration) as error:
        findings.problem(error.advice.what.rstrip("."))


def _rights(place: Place, findings: Findings) -> None:
    """Judge the caller's rights, and those by which the execution role starts tasks; secrets tell their ARNs first."""
    built = Origin("built")
    rights.judge(place, rights.needs(place, _NOT_MADE, built, observing.observe(place)), findings)
    secrets.judge(place, Findings())
    starting.judge(place, built, findings)


def _quota(place: Place, findings: Findings) -> None:
    quotas.judge(place, observing.observe(place), findings)


def _network(place: Place, findings: Findings) -> None:
    balancing.judge(place, network.judge(place, findings), findings)


def _judged(name: str, judge: Judge) -> Check:
    """Return a check that tells what the verification before a deploy finds of one subject."""

    def probe(place: Place, subject: Subject) -> Finding:
        findings = Findings()
        judge(place, findings)
        told = findings.verdict()
        if told.problems:
            return answer(
                name, Status.FAIL, "ecs.lacks", first=told.problems[0], problems=list(told.problems),
                count=len(told.problems),
            )  # fmt: skip
        if told.doubts:
            return answer(name, Status.WARN, "ecs.unsure", first=told.doubts[0], problems=list(told.doubts))
        return answer(name, Status.PASS, "ecs.ready", region=place.names.region)

    return Check(name, probe)


CHECKS = (
    Check(IDENTITY, who),
    Check(ENDPOINT, endpoint),
    _judged("ecs.platform", platform.judge),
    _judged("ecs.roles", roles.judge),
    _judged("ecs.registry", _registry),
    _judged("ecs.secrets", secrets.judge),
    _judged("ecs.network", _network),
    _judged("ecs.engine", _engine),
    _judged("ecs.rights", _rights),
    _judged("ecs.quota", _quota),
)
