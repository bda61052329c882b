"""Given several things that are wrong, when a deploy looks before it changes anything, it names all of them at once."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import pytest

from decodeat_ops.adapters.aws_errors import reads
from decodeat_ops.adapters.this_machine import ThisMachine
from decodeat_ops.application import verbs
from decodeat_ops.application.desk import Desk
from decodeat_ops.application.workflow import Change
from decodeat_ops.core.errors import Configuration, GateFailed, Lost, OpsError, StepFailed, Unreachable
from decodeat_ops.core.image import Reference, RemoteImage
from decodeat_ops.core.secret import Secret
from decodeat_ops.core.target import Origin
from decodeat_ops.deployment import source
from decodeat_ops.deployment.ledger import StateLedger
from decodeat_ops.targets.common.refusing import Refusals
from decodeat_ops.targets.ecs.data import EcsData
from decodeat_ops.targets.ecs.target import Ecs
from decodeat_ops.targets.ecs.view import EcsView
from tests.support.images import no_engine
from tests.unit.decodeat.google_credentials import written
from tests.unit.deployment.test_revision import repository
from tests.unit.targets.ecs.cloud import ACCOUNT, REGION, Call, Cloud, Reply, Shelf, Ticking, place, refused
from tests.unit.targets.ecs.healthy import described, healthy
from tests.unit.targets.ecs.test_verifying import BUILT, NEW, NOTHING
from tests.unit.targets.ecs.wrong import decided

DIGEST = "sha256:" + "a" * 64
NAMED = f"registry.example.com/decodeat@{DIGEST}"
NOBODY: dict[Call, Reply] = {
    ("ecs", "DescribeServices"): {"services": []},
    ("ecs", "ListTaskDefinitions"): {"taskDefinitionArns": []},
}


@dataclass
class Counted(ThisMachine):
    """This machine, and how many programs were run on it."""

    programs: int = 0

    def run(self, *given: Any, **named: Any) -> Any:
        self.programs += 1
        return super().run(*given, **named)


@dataclass
class Registry(Shelf):
    """A shelf beside an engine that has built nothing."""

    built: set[str] = field(default_factory=set)

    def has(self, reference: Reference) -> bool:
        return str(reference) in self.built


def target(
    home: Path,
    sections: Mapping[str, Mapping[str, Any]],
    answers: Mapping[Call, Reply] | None = None,
    shelf: Shelf | None = None,
    secrets: Mapping[str, Secret] | None = None,
) -> tuple[Ecs, Cloud]:
    cloud = Cloud({**healthy(), **NOBODY, **(answers or {})})
    given = {"image": {"allow_dirty": True}, **sections, "local": {"state_dir": str(home / "state")}}
    where = replace(place(cloud, home, given, shelf or Registry()), host=ThisMachine())
    return Ecs(where, secrets or {}), cloud


def desk(ecs: Ecs, home: Path) -> Desk:
    here = ecs.here
    return Desk(
        loaded=here.loaded,
        target=ecs,
        view=EcsView(here, ecs.secrets),
        data=EcsData(here),
        ledger=StateLedger(here.layout, here.loaded),
        records=home / "records",
        secrets=ecs.secrets,
        images=no_engine,
        repository=lambda: "registry.example.com/decodeat",
    )


def deployed(home: Path, *given: Any, **named: Any) -> OpsError:
    """Deploy and return the error, once it is sure that nothing was written."""
    ecs, cloud = target(home, *given, **named)
    with pytest.raises(OpsError) as caught:
        verbs.deploy(desk(ecs, home), Change())
    assert cloud.asked and [name for _, name in cloud.asked if not reads(name)] == []
    assert not (home / "state").exists()
    return caught.value


def verified(ecs: Ecs, origin: Origin = BUILT) -> OpsError:
    with pytest.raises(OpsError) as caught:
        ecs.verify(NEW, origin, NOTHING)
    return caught.value


# The service's variables


def test_a_secret_in_plain_text_and_a_wrong_variable_are_refused_before_any_write(tmp_path: Path) -> None:
    plain = {"API_KEYS": "the-key-itself-0123456789", "LOG_LEVEL": "LOUD"}
    error = deployed(tmp_path, {"service": {"environment": plain}})
    assert isinstance(error, Configuration) and error.code == 3
    text = "\n".join(error.advice.lines)
    assert "API_KEYS is a secret and stands under service.environment for everybody to read" in text
    assert "LOG_LEVEL" in text and "2 problems keep a new release from getting into service" in error.advice.what
    assert "the-key-itself" not in f"{error.advice}"


def test_googles_key_in_plain_text_is_refused_before_any_write_and_not_shown(tmp_path: Path) -> None:
    key = written("service_account", private_key_id="m4rk")
    error = deployed(tmp_path, {"service": {"environment": {"READER": "vision", "GOOGLE_CREDENTIALS_JSON": key}}})
    assert isinstance(error, Configuration) and error.code == 3
    told = f"{error.advice}"
    assert "GOOGLE_CREDENTIALS_JSON is a secret and stands under service.environment" in told
    assert "m4rk" not in told and "BEGIN" not in told


def test_an_image_that_is_named_has_no_secret_in_plain_text_either(tmp_path: Path) -> None:
    plain = {"DATABASE_URL": "postgresql://user:of-the-database@db.internal/x"}
    shelf = Registry({NAMED: RemoteImage(DIGEST, frozenset({"linux/amd64"}))})
    error = deployed(tmp_path, {"service": {"environment": plain}, "ecs": {"image": NAMED}}, shelf=shelf)
    assert error.code == 3 and "DATABASE_URL is a secret" in "\n".join(error.advice.lines)
    assert "of-the-database" not in f"{error.advice}"


@pytest.mark.parametrize("name", ["GEMINI_API_KEY", "GOOGLE_CREDENTIALS_JSON"])
def test_code_that_says_nothing_hides_no_secret(tmp_path: Path, name: str) -> None:
    repository(tmp_path / "source")  # a package that can't be asked
    sections = {"service": {"source": str(tmp_path / "source"), "environment": {name: "the-key-itself"}}}
    ecs, _ = target(tmp_path, sections)
    error = verified(ecs, Origin("built", source.find(ecs.here.loaded)))
    assert error.code == 3 and f"{name} is a secret" in "\n".join(error.advice.lines)


@pytest.mark.parametrize("how", ["kept", "copied"])
def test_a_release_of_before_keeps_its_own_variables(tmp_path: Path, how: Any) -> None:
    release = replace(NEW, id="r1", image=NAMED)
    shelf = Registry({NAMED: RemoteImage(DIGEST, frozenset({"linux/amd64"}))})
    ecs, _ = target(tmp_path, {"service": {"environment": {"LOG_LEVEL": "LOUD"}}}, shelf=shelf)
    told = dict(ecs.verify(release, Origin(how, of=release), NOTHING))
    assert told["account"] and ("always today's" in told) is (how == "kept")


def test_good_variables_are_judged_once_for_a_plan_that_is_made_twice(tmp_path: Path) -> None:
    shelf = Registry({NAMED: RemoteImage(DIGEST, frozenset({"linux/amd64"}))})
    ecs, _ = target(tmp_path, {"ecs": {"image": NAMED}}, shelf=shelf)
    host = Counted()
    ecs = replace(ecs, here=replace(ecs.here, host=host))
    release = replace(NEW, image=NAMED)
    for programs, later in ((1, 59), (1, 1), (2, 0)):
        ecs.verify(release, BUILT, NOTHING)
        assert host.programs == programs
        cast(Ticking, ecs.here.clock).moment += later


def test_wrong_variables_are_judged_each_time(tmp_path: Path) -> None:
    ecs, _ = target(tmp_path, {"service": {"environment": {"API_KEYS": "the-key-itself-0123456789"}}})
    host = Counted()
    ecs = replace(ecs, here=replace(ecs.here, host=host))
    for programs in (1, 2):
        assert "API_KEYS is a secret" in "\n".join(verified(ecs).advice.lines)
        assert host.programs == programs


# All of it at once


def missing(params: Mapping[str, Any]) -> dict[str, Any]:
    if params["SecretId"] in {"one", "two"}:
        raise refused("ResourceNotFoundException")
    return described(params)


REFERRED = {"ONE": "aws-secretsmanager:one#key", "TWO": "aws-secretsmanager:two#key"}


def test_secrets_registry_engine_and_changed_code_are_told_in_one_report(tmp_path: Path) -> None:
    package = repository(tmp_path / "source")
    (package / "__init__.py").write_text("# changed\n")
    sections: dict[str, dict[str, Any]] = {
        "service": {"source": str(tmp_path / "source"), "secrets": REFERRED},
        "image": {"allow_dirty": False},
    }
    answers: dict[Call, Reply] = {
        ("secretsmanager", "DescribeSecret"): missing,
        ("logs", "DescribeLogGroups"): {"logGroups": []},
    }
    ecs, _ = target(tmp_path, sections, answers, Registry(engine=False))
    error = verified(ecs, Origin("built", package))
    assert error.code == 3 and error.advice.what.startswith("5 problems keep a new release")
    text = "\n".join(error.advice.lines)
    for part in ("there is no secret one", "there is no secret two", "no log group", "differs from its commit"):
        assert part in text, text
    assert "There is no engine." in text


def test_two_secrets_that_are_missing_do_not_end_a_deploy_one_by_one(tmp_path: Path) -> None:
    error = deployed(tmp_path, {"service": {"secrets": REFERRED}}, {("secretsmanager", "DescribeSecret"): missing})
    assert error.code == 3
    assert [line for line in error.advice.lines if "there is no secret" in line] == [
        "there is no secret one", "there is no secret two",
    ]  # fmt: skip


def test_an_image_that_is_not_there_is_told_with_the_rest(tmp_path: Path) -> None:
    sections = {"ecs": {"image": "registry.example.com/decodeat:1"}, "service": {"secrets": REFERRED}}
    error = deployed(tmp_path, sections, {("secretsmanager", "DescribeSecret"): missing})
    assert error.code == 3 and len(error.advice.lines) == 3
    assert "there is no image registry.example.com/decodeat:1" in error.advice.lines


def test_what_stands_alone_keeps_its_own_exit_code(tmp_path: Path) -> None:
    package = repository(tmp_path / "source")
    sections: dict[str, Any] = {"service": {"source": str(tmp_path / "source")}}
    ecs, _ = target(tmp_path, sections, shelf=Registry(engine=False))
    assert isinstance(verified(ecs, Origin("built", package)), Unreachable)
    (package / "__init__.py").write_text("# changed\n")
    ecs, _ = target(tmp_path, {**sections, "image": {}})
    error = verified(ecs, Origin("built", package))
    assert isinstance(error, GateFailed) and error.code == 4
    ecs, _ = target(tmp_path, {"ecs": {"image": "registry.example.com/decodeat:1"}}, shelf=Registry(engine=False))
    assert ecs.candidate().release.image == ""
    assert verified(ecs).code == 8


def test_an_unknown_outcome_is_never_one_problem_of_several() -> None:
    def lost() -> tuple[str, ...]:
        raise Lost("It got no answer.")

    refusals = Refusals("a new release", ["something is wrong"])
    with pytest.raises(Lost):
        refusals.ask(lost)


def test_an_error_is_told_whole_among_others() -> None:
    def wrong() -> tuple[str, ...]:
        raise StepFailed("2 secrets can't be used.", hint="Put them there.", lines=("A: empty", "B: empty"))

    refusals = Refusals("release r1", [])
    refusals.ask(lambda: ("something is wrong",))
    refusals.ask(wrong)
    with pytest.raises(Configuration, match="2 problems keep release r1 from getting into service") as caught:
        refusals.refuse()
    assert caught.value.advice.lines == (
        "something is wrong", "2 secrets can't be used. A: empty B: empty Put them there.",
    )  # fmt: skip
    Refusals("release r1").refuse()


# Rights of a release that gets today's secrets


def test_a_rollback_after_a_rotation_is_asked_for_the_right_to_register(tmp_path: Path) -> None:
    """The release that is brought back and its record are one and the same; what differs is today's digest."""
    denied = {("iam", "SimulatePrincipalPolicy"): decided("ecs:RegisterTaskDefinition", "implicitDeny")}
    shelf = Registry({NAMED: RemoteImage(DIGEST, frozenset({"linux/amd64"}))})
    ecs, _ = target(tmp_path, {}, denied, shelf)
    before = replace(NEW, id="r1", image=NAMED, secrets="rotated since")
    (line,) = _refused(ecs, before)
    assert "ecs:RegisterTaskDefinition" in line
    assert ecs.verify(*_back(replace(before, secrets=ecs.secrets_digest())), NOTHING)


def _back(release: Any) -> tuple[Any, Origin]:
    return release, Origin("kept", of=release)


def _refused(ecs: Ecs, release: Any) -> tuple[str, ...]:
    with pytest.raises(Configuration) as caught:
        ecs.verify(*_back(release), NOTHING)
    return caught.value.advice.lines


# Starting again what ran before


def test_what_a_start_needs_is_looked_at_by_few_reads(tmp_path: Path) -> None:
    shelf = Registry({NAMED: RemoteImage(DIGEST, frozenset({"linux/amd64"}))})
    ecs, cloud = target(tmp_path, {}, shelf=shelf)
    release = replace(NEW, id="r1", image=NAMED)
    told = dict(ecs.startable(release, Origin("kept", of=release), NOTHING))
    assert (told["account"], told["region"], told["caller"]) == (ACCOUNT, REGION, "user/ann")
    assert len(cloud.asked) <= 8 and not {service for service, _ in cloud.asked} & {"ec2", "elbv2", "service-quotas"}


def test_all_that_keeps_a_release_from_starting_is_told(tmp_path: Path) -> None:
    answers: dict[Call, Reply] = {
        ("secretsmanager", "DescribeSecret"): missing,
        ("iam", "GetRole"): "NoSuchEntity",
        ("logs", "DescribeLogGroups"): {"logGroups": []},
    }
    ecs, _ = target(tmp_path, {"service": {"secrets": REFERRED}}, answers)
    release = replace(NEW, id="r1", image=NAMED)
    with pytest.raises(Configuration, match="6 problems keep release r1") as caught:
        ecs.startable(release, Origin("copied", of=release), NOTHING)
    text = "\n".join(caught.value.advice.lines)
    for part in (f"there is no image {NAMED}", "no secret one", "no secret two", "no role", "no log group"):
        assert part in text, text
