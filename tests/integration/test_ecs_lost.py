"""Given a change under way, when AWS throttles, goes silent or ends the credentials, then nothing is done twice."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from decodeat_ops.application import verbs
from tests.integration.ecs_place import EcsPlace, ecs_place, furnished_place, serving_place
from tests.integration.ecs_settings import DEPLOYMENT
from tests.servers.aws.ecs.behaviour import release
from tests.support.deployments import service_source

__all__ = ["furnished_place", "service_source", "serving_place"]
Share = Callable[[Sequence[Any], int], Sequence[Any]]
# Every write of a redeploy with a rotated secret and a revision beyond retention; a test holds it against the calls.
WRITES = [
    "secretsmanager:PutSecretValue",
    "ecs:RegisterTaskDefinition",
    "ecs:UpdateService",
    "ecs:TagResource",
    "ecs:DeregisterTaskDefinition",
]


def ready(place: EcsPlace) -> None:
    """Let the next deploy make every write there is."""
    for _ in range(2):
        place.deploy()
        place.change()
    place.rotate_secret()
    place.fake.calls.forget()


def registered(place: EcsPlace, name: str) -> int:
    return sum(release(one.document) == name for one in place.fake.ecs.families[DEPLOYMENT] if one.status == "ACTIVE")


def test_these_are_all_writes_of_a_redeploy(well: EcsPlace) -> None:
    ready(well)
    well.deploy()
    assert list(dict.fromkeys(well.writes())) == WRITES


@pytest.mark.share
@pytest.mark.parametrize("operation", WRITES)
def test_a_write_whose_answer_is_lost_is_found_by_resume(well: EcsPlace, operation: str) -> None:
    ready(well)
    begun = len(well.service.history)
    well.fake.switches.cut_after(operation)
    told = well.ends()
    assert told.code == 8 and "resume" in told.hint, told.text
    assert well.desk().ledger.unfinished() != ""
    well.fake.switches.mend()
    resumed = well.ends(verbs.resume)
    assert resumed.code == 0 and well.desk().ledger.unfinished() == "", resumed.text
    name = well.serving()
    assert len(well.service.history) == begun + 1, "the service was updated once"
    assert registered(well, name) == 1 and well.values() == {"API_KEYS": well.secrets["API_KEYS"]}
    after = well.ends()
    assert after.outcome is not None and after.outcome.changed == 0


@pytest.mark.share
@pytest.mark.parametrize("operation", WRITES)
def test_a_write_that_the_sdk_repeats_does_no_harm(well: EcsPlace, operation: str) -> None:
    """One answer is lost, and the SDK asks again by itself: nobody is told."""
    ready(well)
    begun = len(well.service.history)
    well.fake.switches.lose_answer(operation)
    told = well.ends()
    assert told.code == 0, told.text
    assert len(well.service.history) == begun + 1
    after = well.ends()
    assert after.outcome is not None and after.outcome.changed == 0


@pytest.mark.share
@pytest.mark.parametrize("operation", ["ecs:RegisterTaskDefinition", "ecs:UpdateService"])
def test_a_write_whose_answer_is_lost_can_be_taken_back(well: EcsPlace, operation: str) -> None:
    before, kept = well.serving(), well.revisions()
    well.fake.switches.cut_after(operation)
    assert well.ends().code == 8
    well.fake.switches.mend()
    assert well.ends(verbs.resume, undo=True).code == 0
    assert well.seen() == {before} and well.revisions() == kept


def test_a_first_service_whose_answer_is_lost(place: EcsPlace) -> None:
    place.fake.switches.cut_after("ecs:CreateService")
    assert place.ends().code == 8
    place.fake.switches.mend()
    assert place.ends(verbs.resume).code == 0 and place.serving() != ""
    assert len(place.service.history) == 1


@pytest.mark.share
@pytest.mark.parametrize("operation", ["ecs:DescribeServices", "ecs:UpdateService", "ecs:RegisterTaskDefinition"])
def test_what_is_throttled_for_a_moment_succeeds(well: EcsPlace, operation: str) -> None:
    well.fake.switches.throttle(operation, 1)
    assert well.deploy() == well.serving()


def test_what_is_throttled_for_good_leaves_the_journal_open(well: EcsPlace) -> None:
    before = well.serving()
    well.fake.switches.throttle("ecs:UpdateService", 100)
    told = well.ends()
    assert told.code == 8 and "throttles" in told.text and well.seen() == {before}, told.text
    well.fake.switches.throttle("ecs:UpdateService", 0)
    assert well.ends(verbs.resume).code == 0 and well.serving() not in {"", before}


def test_an_error_of_awss_own_is_no_refusal(well: EcsPlace) -> None:
    well.fake.switches.fail("ecs:UpdateService", 100)
    assert well.ends().code == 8
    well.fake.switches.fail("ecs:UpdateService", 0)
    assert well.ends(verbs.resume).code == 0


def test_credentials_expire_anywhere(well: EcsPlace, share: Share) -> None:
    """After any number of calls: nothing is lost, and with new credentials it goes on."""
    well.deploy()
    well.change()
    well.fake.calls.forget()
    well.deploy()
    calls = len(well.fake.calls.made)
    for after in share(range(1, calls), 12):
        well.change()
        before = well.serving()
        well.fake.switches.expire_credentials(after)
        told = well.ends()
        well.fake.switches.mend()
        if told.code == 0:  # its reads come in another number each time
            continue
        assert told.code in {8, 10} and "expired" in told.text, (after, told.text)
        left_open = well.desk().ledger.unfinished() != ""
        seen = well.seen(6)
        if left_open:
            resumed = well.ends(verbs.resume)
            assert resumed.code == 0, (after, resumed.text)
            assert seen <= {before, well.serving()}, "clients are served all along, in the middle of a rollout by both"
        else:
            assert seen == {before} and well.serving() == before and well.ends().code == 0, after
        unchanged = well.ends()
        assert unchanged.outcome is not None and unchanged.outcome.changed == 0, after


def test_credentials_that_never_held_are_a_matter_of_settings(well: EcsPlace) -> None:
    well.fake.switches.expire_credentials()
    told = well.ends()
    assert told.code == 3 and "expired" in told.text and well.fake.calls.writes == []


@pytest.mark.share
@pytest.mark.parametrize(
    "operation", ["ecs:DescribeServices", "ecs:ListTaskDefinitions", "secretsmanager:GetSecretValue"]
)
def test_a_read_that_is_late_deceives_nobody(well: EcsPlace, operation: str) -> None:
    """After a write the old state is still read for a while."""
    late: list[str] = []

    def hook(call: Any) -> None:
        if call.write and call.name not in late:
            late.append(call.name)
            well.fake.switches.be_late(operation, 2)

    well.rotate_secret()
    well.fake.switches.hooks.append(hook)
    told = well.ends()
    well.fake.switches.hooks.clear()
    well.fake.switches.be_late(operation, 0)
    if told.code == 0:
        assert well.values() == {"API_KEYS": well.secrets["API_KEYS"]}
    else:
        assert told.code in {5, 8} and told.hint, told.text
        assert well.ends(verbs.resume).code == 0 if told.code == 8 else well.ends().code == 0
    after = well.ends()
    assert after.outcome is not None and after.outcome.changed == 0


def test_lists_in_small_and_empty_pages_are_read_to_the_end(tmp_path: Any, source: Any) -> None:
    with ecs_place(tmp_path / "ecs", source) as place:
        place.fake.switches.page_size, place.fake.switches.empty_pages = 1, 1
        first = place.deploy()
        place.change()
        place.deploy()
        assert place.ends(verbs.rollback).code == 0 and place.serving() == first
        assert place.ends(verbs.remove).code == 0 and place.revisions() == []
