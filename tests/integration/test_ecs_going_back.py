"""Given several releases, when an operator goes back, then the one that was chosen serves."""

import pytest

from decodeat_ops.application import verbs
from decodeat_ops.application.workflow import Change
from tests.integration.ecs_place import EcsPlace, furnished_place, serving_place
from tests.integration.test_ecs_killed import KILLED, driven
from tests.integration.test_ecs_others import stranger_deploys
from tests.servers.aws.ecs.behaviour import Behaviour, environment
from tests.support.deployments import service_source

__all__ = ["furnished_place", "service_source", "serving_place"]


def test_back_to_the_one_before_and_to_a_chosen_one(well: EcsPlace) -> None:
    older = well.serving()
    newer = well.deploy()
    assert well.ends(verbs.rollback).code == 0 and well.serving() == older
    assert well.ends(verbs.rollback, newer).code == 0 and well.serving() == newer
    assert well.ends(verbs.rollback, older[-7:]).code == 0 and well.serving() == older
    told = well.ends(verbs.rollback, "20200101T000000Z-0000000")
    assert told.code == 2 and "There is no release" in told.what


@pytest.mark.share(3)
def test_the_command_says_how_it_ended(well: EcsPlace) -> None:
    older = well.serving()
    well.deploy()
    told = well.ok("rollback", "--yes")
    assert told["exit_code"] == 0 and told["changed"] == 1 and well.serving() == older


@pytest.mark.share(3)
def test_a_rollback_brings_code_and_settings_back(well: EcsPlace) -> None:
    old = environment(well.definition.document)
    well.deploy()
    assert environment(well.definition.document) != old
    well.ends(verbs.rollback)
    assert environment(well.definition.document) == old


def test_a_rollback_that_fails_leaves_the_newer_one_serving(well: EcsPlace) -> None:
    older = well.definition
    newer = well.deploy()
    well.fake.ecs.behaves = lambda document: (
        Behaviour("crashes", exit_code=4) if environment(document) == environment(older.document) else Behaviour()
    )
    told = well.ends(verbs.rollback)
    assert told.code == 5 and "exit code 4" in told.text and well.seen() == {newer}, told.text


@pytest.mark.share(3)
def test_a_release_whose_image_was_deleted_is_refused(well: EcsPlace) -> None:
    older = well.serving()
    image = well.definition.document["containerDefinitions"][0]["image"]
    well.change_image()
    newer = well.deploy()
    del well.fake.registry.repositories["tested"].images[image.partition("@")[2]]
    told = well.ends(verbs.rollback)
    assert told.code in {3, 5} and image in told.text and well.seen() == {newer}, told.text
    assert older in well.revisions()


@pytest.mark.share(3)
def test_nothing_to_go_back_to_is_told(place: EcsPlace) -> None:
    assert place.ends(verbs.rollback).code == 2
    place.deploy()
    assert place.ends(verbs.rollback).code == 2


@pytest.mark.share(3)
def test_the_releases_to_go_back_to_outlive_many_deploys(well: EcsPlace) -> None:
    for _ in range(4):
        well.deploy()
        well.change()
    observed = well.desk().target.observe()
    assert len(observed.releases) == 3
    oldest = observed.releases[-1].id
    assert well.ends(verbs.rollback, oldest).code == 0 and well.serving() == oldest
    well.change()
    assert well.deploy() == well.serving()
    assert oldest in well.revisions(), "what served before is kept"


@pytest.mark.share(3)
def test_a_release_of_the_image_that_is_for_another_processor_is_refused(well: EcsPlace) -> None:
    well.change_image("linux/arm64")
    told = well.ends()
    assert told.code == 3 and "linux/arm64" in told.text and well.fake.calls.writes == [], told.text


@pytest.mark.share(3)
def test_a_change_while_another_one_is_open_says_so(well: EcsPlace) -> None:
    well.fake.switches.cut_after("ecs:UpdateService")
    assert well.ends().code == 8
    well.fake.switches.mend()
    told = well.ends(verbs.restart)
    assert told.code == 7 and "resume" in told.text
    assert well.ends(verbs.rollback).code == 0, "a rollback undoes it first"


@pytest.mark.share(3)
def test_revisions_of_others_hide_no_way_back(well: EcsPlace) -> None:
    """Each edit in the console is a revision more; there may be any number of them above ours."""
    first = well.serving()
    for _ in range(9):
        stranger_deploys(well)
    well.settle()
    assert well.seen() == {"of-somebody-else"}
    assert first in well.run("releases").stdout
    assert well.ends(verbs.rollback).code == 0
    assert well.serving() == first


@pytest.mark.share(3)
def test_what_is_taken_back_is_taken_back_where_the_plan_says(well: EcsPlace) -> None:
    assert driven(well, "deploy", "follow", "before")[0] == KILLED
    plan = verbs.resume(well.desk(), Change(dry_run=True), undo=True).data["plan"]
    assert plan["verb"] == "undo"
    assert well.fake.account.id in dict(plan["facts"])["account"]
