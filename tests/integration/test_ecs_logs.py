"""Given tasks that write to CloudWatch, when an operator reads the log, then it is that of the release that serves."""

import json
from collections.abc import Iterator

from decodeat_ops.application.logs import log
from decodeat_ops.core.view import LogLine
from tests.integration.ecs_place import EcsPlace, furnished_place, serving_place
from tests.integration.ecs_settings import DEPLOYMENT
from tests.servers.aws.clients import client
from tests.support.deployments import service_source

__all__ = ["furnished_place", "service_source", "serving_place"]
GROUP = f"/ecs/{DEPLOYMENT}"


def started(lines: Iterator[LogLine] | list[LogLine]) -> set[str]:
    """Return the releases that say that they started."""
    told = [json.loads(one.line) for one in lines]
    return {one["release"] for one in told if one.get("event") == "started"}


def test_the_last_lines_are_of_the_release_that_serves(well: EcsPlace) -> None:
    release = well.serving()
    found = log(well.loaded(), None, supervisor=False)
    assert GROUP in found.place
    assert started(list(found.last(100))) == {release}
    assert {one.release for one in found.last(100)} == {release}
    assert len(found.last(1)) == 1


def test_an_older_release_can_be_asked_for(well: EcsPlace) -> None:
    older = well.serving()
    well.deploy()
    assert started(list(log(well.loaded(), older, supervisor=False).last(100))) == {older}


def test_pages_and_empty_pages_are_read_to_the_end(well: EcsPlace) -> None:
    release = well.serving()
    before = [one.line for one in log(well.loaded(), None, supervisor=False).last(50)]
    well.fake.switches.page_size, well.fake.switches.empty_pages = 1, 1
    assert [one.line for one in log(well.loaded(), None, supervisor=False).last(50)] == before
    assert release in "".join(before)


def test_following_goes_over_to_the_next_release(well: EcsPlace) -> None:
    switched: list[str] = []

    def taken_over(name: str) -> None:
        switched.append(name)
        well.seen(1)  # one more line: whoever waits for the next one goes on

    lines = log(well.loaded(), None, supervisor=False).follow(1, taken_over)
    first = next(lines)
    assert first.release == well.serving()
    release = well.deploy()
    seen = next(one for one in lines if one.release == release)
    assert release in seen.line
    while not switched:  # which release serves is looked up more seldom than lines are read
        next(lines)
    assert switched == [release]


def test_the_command_prints_them(well: EcsPlace) -> None:
    release = well.serving()
    ran = well.run("logs")
    assert ran.status == 0 and release in ran.stdout


def test_what_the_release_wrote_twice_comes_once(well: EcsPlace) -> None:
    logs = client(well.fake, "logs")
    task = next(one for one in well.fake.ecs.tasks.values() if one.status == "RUNNING")
    stream = f"decodeat/decodeat/{task.id}"
    well.fake.logs.write(GROUP, stream, "one of its own")
    told = [one.line for one in log(well.loaded(), None, supervisor=False).last(1000)]
    assert told.count("one of its own") == 1
    assert logs.describe_log_streams(logGroupName=GROUP)["logStreams"]
