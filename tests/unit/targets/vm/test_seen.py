"""What a machine says is read whole: by engines of several versions, damaged, in part, and where nothing is yet."""

import json

import pytest

from decodeat_ops.targets.vm.observed import Seen
from decodeat_ops.targets.vm.seen import parse
from tests.unit.targets.vm.recorded import IMAGE, NAMES, ONE, TWO, container, look, record, said, serving


def seen(text: str) -> Seen:
    return parse("a", text, NAMES)


def test_a_real_engine_of_the_oldest_version_is_read() -> None:
    found = seen(look("20.10"))
    assert (found.engine, found.compose, found.problem) == ("20.10.24+dfsg1", "", "")
    blue, green = found.containers["blue"], found.containers["green"]
    assert (blue.state, blue.health, blue.release, blue.secrets) == ("running", "healthy", ONE, "abc")
    assert (blue.since, blue.restarts, blue.up) == (blue.since[:19] + "+00:00", 0, True)
    assert (green.state, green.exit_code, green.up, green.health) == ("exited", 3, False, "")
    assert found.strangers == ("demo-production-nginx",)  # made by hand, without our label
    assert blue.image in found.images
    assert blue.raw["HostConfig"]["ReadonlyRootfs"] is True
    assert found.free_bytes == 26936536 * 1024


def test_no_value_of_a_variable_is_printed() -> None:
    assert "topsecretvalue" not in look("20.10")  # API_KEYS of the container


@pytest.mark.parametrize(
    ("version", "engine", "compose", "health", "restarts"),
    [("24.0", "24.0.7", "2.21.0", "starting", 2), ("28.2", "28.2.2", "2.36.2", "healthy", 0)],
)
def test_later_engines_are_read(version: str, engine: str, compose: str, health: str, restarts: int) -> None:
    found = seen(look(version))
    assert (found.engine, found.compose) == (engine, compose)
    assert (found.active, found.active_id, found.edge) == ("blue", ONE, "0123456789ab")
    blue = found.containers["blue"]
    assert (blue.health, blue.restarts, blue.since) == (health, restarts, "2025-12-31T23:59:50+00:00")
    assert found.containers["nginx"].ended == ""
    assert found.ports == {
        80: "demo-production-nginx",
        443: "demo-production-nginx",
        **dict.fromkeys(range(9000, 9003), "other"),
    }
    assert found.projects == {"demo-production-blue", "demo-production-edge"}
    assert f"registry.example.com/decodeat@sha256:{'3' * 64}" in found.images
    assert (found.switched, found.journals, found.salt) == ("2026-01-01T00:00:00+00:00", True, "0123456789abcdef" * 2)


@pytest.mark.parametrize(
    "line",
    ['{"Names":"x","Project":"a"b"}', '{"Names":"x","Project":"two', '{"Names":' * 100_000],
    ids=["a quote", "a line break", "no end"],
)
def test_a_row_that_is_broken_is_not_believed_and_hides_no_other(line: str) -> None:
    text, row = look("28.2"), ' {"Names":"other","State"'
    assert text.count(row) == 1
    assert seen(text.replace(row, f" {line}\n{row}")) == seen(text)


def test_an_answer_that_breaks_off_tells_nothing() -> None:
    text = serving()
    found = seen(text[: text.index("= images")])
    assert (found.silent, found.active) == (True, None)


def test_what_greets_whoever_logs_in_is_passed_over() -> None:
    assert seen("Welcome to Debian\n= no section of ours\n" + serving()).active_id == ONE


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "Expecting property name"),
        ("[]", "it holds no record"),
        ('{"id": "x"}', "missing"),
        (json.dumps(record(ONE, format=2)), "a newer version"),
        (json.dumps(record(TWO)), f"it is of release {TWO}"),
    ],
)
def test_a_damaged_record_is_told_and_hides_no_other(text: str, says: str) -> None:
    found = seen(serving(TWO, records={ONE: text, TWO: json.dumps(record(TWO))}))
    [(path, why)] = found.damaged.items()
    assert path == f"{NAMES.root}/releases/{ONE}/release.json"
    assert says in why
    assert [one.id for one in found.releases] == [TWO]


@pytest.mark.parametrize(
    ("extra", "says"),
    [
        ("= user 1000", "as user 1000, not as root"),
        ("= locked", "can't be read"),
        ('= format\n {"format": 1, "deployment": "other-production"}', "of another deployment, other-production"),
        ('= format\n {"format": 9}', "a newer version of decodeat-ops"),
        ("= format\n damaged", "format.json is damaged"),
    ],
)
def test_what_may_not_be_changed_has_its_own_words(extra: str, says: str) -> None:
    text = serving(extra=extra).replace("= user 0\n", "" if extra.startswith("= user") else "= user 0\n")
    found = seen(text)
    assert says in found.problem
    assert found.hint


def test_a_machine_without_docker_or_directory_is_bare_and_no_problem() -> None:
    found = seen("= clock 1.0\n= user 0\n= space 0\n= nodocker\n= end\n")
    assert (found.problem, found.there, found.engine, found.engine_problem) == ("", False, "", "there is no Docker")


def test_an_engine_that_does_not_answer_says_why() -> None:
    down = '= engine 1\n {"Client":{}}\n Cannot connect to the Docker daemon at unix:///var/run/docker.sock.\n'
    found = seen(f"= user 0\n= root\n= link active 1\n blue\n= link blue 1\n ../releases/{ONE}\n{down}= end\n")
    assert found.engine_problem == "Docker says: Cannot connect to the Docker daemon at unix:///var/run/docker.sock"
    assert found.active_id == ONE  # what clients are meant to reach is known all the same


def test_a_link_that_is_none_or_leads_astray_is_damage() -> None:
    found = seen(said(links={"active": "purple"}, extra="= nolink blue"))
    assert found.active is None
    assert set(found.damaged) == {f"{NAMES.root}/run/active", f"{NAMES.root}/colours/blue"}


def test_another_containers_of_our_names_are_strangers() -> None:
    theirs = {**container("blue", TWO), "Labels": {"decodeat-ops.deployment": "other"}}
    found = seen(said(containers=(theirs, container("green", ONE))))
    assert found.strangers == ("demo-production-blue",)
    assert set(found.containers) == {"green"}
    assert IMAGE in found.images
