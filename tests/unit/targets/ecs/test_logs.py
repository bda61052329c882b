"""The log of a service: no line is lost, none comes twice, whatever arrives late and whichever release runs."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from decodeat_ops.core.errors import Configuration, Usage
from decodeat_ops.targets.ecs import logs, streams
from decodeat_ops.targets.ecs.logs import EcsLog, find
from tests.support.aws import refused
from tests.unit.targets.ecs.seen import MOMENT, ONE, TWO, Ended, Script, Seen, deployment, line, said, task

HOUR = 3600.0


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Script:
    """A clock by which CloudWatch, the operator's machine and the waits agree, until a test says otherwise."""
    script = Script(60)
    for module in (logs, streams):
        monkeypatch.setattr(module, "now", lambda: MOMENT + int(script.seconds * 1000))
    return script


def follow(log: EcsLog, count: int = 100) -> tuple[list[tuple[str, str]], list[str]]:
    """Follow to the end of the script; return release and text of each line, and the releases that took over."""
    found: list[tuple[str, str]] = []
    switched: list[str] = []
    with pytest.raises(Ended):
        for one in log.follow(count, switched.append):
            found.append((one.release, one.line))
    return found, switched


def test_the_last_lines_are_the_releases_own(tmp_path: Path) -> None:
    seen = Seen(tasks=[task("a", 1), task("b", 2)])
    seen.events = [said("a", "of one", -9), said("b", "first", -8), said("b", "second", -7), said("a", "again", -6)]
    place = seen.place(tmp_path)
    assert [(one.release, one.line, one.source) for one in find(place, "", "").last(5)] == [
        (TWO.id, "first", "b0000000"), (TWO.id, "second", "b0000000")
    ]  # fmt: skip
    assert [one.line for one in find(place, TWO.id, "").last(1)] == ["second"]
    assert [one.line for one in find(place, ONE.id, "").last(9)] == ["of one", "again"]
    assert find(place, "", "").last(0) == []


def test_lines_of_hours_ago_are_found_and_no_further_than_the_release_is_old(tmp_path: Path) -> None:
    seen = Seen(tasks=[task("b", 2)])
    seen.events = [said("b", "old", -30 * HOUR), said("b", "yesterday", -20 * HOUR)]
    place = seen.place(tmp_path)
    assert [one.line for one in find(place, "", "").last(2)] == ["old", "yesterday"]
    floor = min(params["startTime"] for params in place.aws.made("logs:FilterLogEvents"))  # type: ignore[attr-defined]
    assert [one.line for one in find(place, "", "").last(500)] == ["old", "yesterday"]
    asked = place.aws.made("logs:FilterLogEvents")  # type: ignore[attr-defined]
    assert min(params["startTime"] for params in asked) < floor
    assert len(asked) < 20


def test_a_task_that_ecs_has_forgotten_belongs_to_the_release_that_it_names(tmp_path: Path) -> None:
    seen = Seen(tasks=[])
    seen.events = [said("a", line(ONE, "starts"), -9), said("a", "Traceback", -8), said("b", line(TWO, "serves"), -7)]
    assert [one.line for one in find(seen.place(tmp_path), ONE.id, "").last(9)] == [line(ONE, "starts"), "Traceback"]


def test_following_shows_the_last_lines_then_each_new_one_once(tmp_path: Path, clock: Script) -> None:
    seen = Seen(tasks=[task("b", 2)])
    seen.events = [said("b", f"old {number}", -50 + number, number=number) for number in range(5)]
    clock.doing = [
        (5.0, lambda: seen.events.append(said("b", "new", 4))),
        (20.0, lambda: seen.events.append(said("b", "late", 1, arrived=20))),
        (30.0, lambda: seen.events.append(said("b", "newest", 29))),
    ]
    found, switched = follow(find(seen.place(tmp_path, clock=clock), "", ""), count=2)
    assert [text for _, text in found] == ["old 3", "old 4", "new", "late", "newest"]
    assert switched == []
    assert {release for release, _ in found} == {TWO.id}


def test_following_none_of_the_last_lines_shows_new_ones_alone(tmp_path: Path, clock: Script) -> None:
    seen = Seen(tasks=[task("b", 2)], events=[said("b", "old", -5)])
    clock.doing = [(5.0, lambda: seen.events.append(said("b", "new", 4)))]
    assert [text for _, text in follow(find(seen.place(tmp_path, clock=clock), "", ""), count=0)[0]] == ["new"]


def test_following_goes_on_over_a_deployment(tmp_path: Path, clock: Script) -> None:
    old = deployment(1, status="ACTIVE")
    seen = Seen(deployments=[deployment(1)], tasks=[task("a", 1)], events=[said("a", "one serves", -5)])

    def begin() -> None:
        seen.deployments = [deployment(2, rolloutState="IN_PROGRESS", runningCount=1), old]
        seen.tasks.append(task("b", 2))
        seen.events += [said("b", "two starts", 5), said("a", "one goes on", 5.5)]

    def end() -> None:
        seen.deployments = [deployment(2)]
        seen.events += [said("a", "one ends", 24), said("b", "two serves", 25)]

    clock.doing = [(6.0, begin), (26.0, end)]
    found, switched = follow(find(seen.place(tmp_path, clock=clock), "", ""))
    assert found == [
        (ONE.id, "one serves"), (TWO.id, "two starts"), (ONE.id, "one goes on"), (ONE.id, "one ends"),
        (TWO.id, "two serves"),
    ]  # fmt: skip
    assert switched == [TWO.id]


def test_a_named_release_is_followed_alone(tmp_path: Path, clock: Script) -> None:
    seen = Seen(tasks=[task("a", 1), task("b", 2)])
    clock.doing = [(3.0, lambda: seen.events.extend([said("a", "of one", 2), said("b", "of two", 2)]))]
    assert follow(find(seen.place(tmp_path, clock=clock), ONE.id, "")) == ([(ONE.id, "of one")], [])


def test_a_service_that_is_not_there_yet_is_waited_for(tmp_path: Path, clock: Script) -> None:
    seen = Seen(service=None)

    def appear() -> None:
        seen.service = {}
        seen.tasks = [task("b", 2)]
        seen.events = [said("b", "hello", 9)]

    clock.doing = [(10.0, appear)]
    log = find(seen.place(tmp_path, clock=clock), "", "")
    with pytest.raises(Usage, match="has no release"):
        log.last(5)
    assert follow(log) == ([(TWO.id, "hello")], [TWO.id])


def test_a_log_group_that_is_not_there_yet_is_waited_for(tmp_path: Path, clock: Script) -> None:
    seen = Seen(tasks=[task("b", 2)], events=[said("b", "hello", 9)])
    there: list[bool] = []

    def answer(params: dict[str, object]) -> dict[str, object]:
        if not there:
            raise refused("logs:FilterLogEvents", "ResourceNotFoundException")
        return seen._filtered(params)

    seen.more = {"logs:FilterLogEvents": answer}
    clock.doing = [(10.0, lambda: there.append(True))]
    assert [text for _, text in follow(find(seen.place(tmp_path, clock=clock), "", ""))[0]] == ["hello"]


@pytest.mark.parametrize("wrong", [-HOUR, HOUR])
def test_a_wrong_clock_of_the_operators_machine_loses_no_line(
    tmp_path: Path, clock: Script, monkeypatch: pytest.MonkeyPatch, wrong: float
) -> None:
    for module in (logs, streams):
        monkeypatch.setattr(module, "now", lambda: MOMENT + int((clock.seconds + wrong) * 1000))
    seen = Seen(tasks=[task("b", 2)], events=[said("b", "old", -5)])
    clock.doing = [(5.0, lambda: seen.events.append(said("b", "new", 4)))]
    found, _ = follow(find(seen.place(tmp_path, clock=clock), "", ""))
    assert [text for _, text in found] == ["old", "new"]


@pytest.mark.parametrize("seed", range(10))
def test_whatever_arrives_when_each_line_comes_once(tmp_path: Path, clock: Script, seed: int) -> None:
    """Write 200 lines by three tasks; each arrives up to a minute and a half after it was written."""
    chance = random.Random(seed)
    seen = Seen(tasks=[task(name, 2) for name in "bcd"])
    clock.until = 300

    def written() -> Iterator[tuple[float, dict[str, object]]]:
        for number in range(200):
            at = chance.uniform(1, 200)
            arrives = at + chance.uniform(0, 90)
            yield arrives, said(chance.choice("bcd"), f"line {number}", at, arrived=arrives, number=number)

    clock.doing = sorted(
        ((arrives, lambda one=one: seen.events.append(one)) for arrives, one in written()),  # type: ignore[misc]
        key=lambda one: one[0],
    )
    found, _ = follow(find(seen.place(tmp_path, clock=clock), "", ""))
    assert sorted(text for _, text in found) == sorted(f"line {number}" for number in range(200))


def test_reading_backs_off_while_nothing_comes(tmp_path: Path, clock: Script) -> None:
    place = Seen(tasks=[task("b", 2)]).place(tmp_path, clock=clock)
    follow(find(place, "", ""))
    assert len(place.aws.made("logs:FilterLogEvents")) < 30  # type: ignore[attr-defined]
    assert max(clock.slept) == logs.IDLE


def test_a_permission_that_is_missing_is_named(tmp_path: Path) -> None:
    seen = Seen(tasks=[task("b", 2)])
    seen.more = {"logs:FilterLogEvents": refused("logs:FilterLogEvents", "AccessDeniedException")}
    with pytest.raises(Configuration, match="logs:FilterLogEvents"):
        find(seen.place(tmp_path), "", "").last(5)


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    place = Seen().place(tmp_path)
    with pytest.raises(Usage, match="no log of a part 'supervisor'"):
        find(place, "", "supervisor")
    with pytest.raises(Usage, match="There is no release nope") as refusal:
        find(place, "nope", "")
    assert "releases" in refusal.value.advice.hint
    assert find(place, "", "").place == "/ecs/demo-production in eu-central-1"
