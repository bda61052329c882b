"""Given a service that was left in a bad state, when an operator wants out of it, then there is a way."""

import pytest

from decodeat_ops.application import verbs
from decodeat_ops.application.bootstrap import bootstrap
from decodeat_ops.application.workflow import Change
from tests.integration.ecs_place import EcsPlace, ecs_place, furnished_place, serving_place
from tests.integration.ecs_settings import DEPLOYMENT
from tests.integration.test_ecs_killed import KILLED, driven
from tests.integration.test_ecs_others import stranger_deploys
from tests.servers.aws.ecs.behaviour import Behaviour, release
from tests.support.deployments import service_source

__all__ = ["furnished_place", "service_source", "serving_place"]


@pytest.mark.share(3)
def test_a_secret_in_plain_sight_is_refused_before_anything_changes(well: EcsPlace) -> None:
    well.configure(JWT_SECRET="plain-and-readable-by-everybody-0001")
    told = well.ends()
    assert told.code == 3 and "JWT_SECRET" in told.text and well.fake.calls.writes == []
    assert "plain-and-readable" not in told.text


@pytest.mark.share(3)
def test_what_somebody_else_deployed_is_told_and_gone_back_from(well: EcsPlace) -> None:
    before = well.serving()
    theirs = stranger_deploys(well).rpartition("/")[2]
    well.settle()
    status = well.run("status", "--json")
    assert status.status == 4 and theirs in status.stdout, str(status)
    assert theirs in dict(verbs.deploy(well.desk(), Change(dry_run=True)).data["plan"]["facts"])["serves now"]
    well.spoil(Behaviour("crashes"))
    failed = well.ends()
    assert failed.code == 5 and "Nothing serves" not in failed.state, failed.text
    assert well.seen() == {"of-somebody-else"}
    assert well.ends(verbs.rollback).code == 0
    assert well.serving() == before


@pytest.mark.share(3)
def test_the_way_back_passes_over_a_release_that_never_served(well: EcsPlace) -> None:
    """A runner died after it had registered one, and its journal is gone."""
    first = well.serving()
    assert driven(well, "deploy", "register", "after")[0] == KILLED
    never = well.revisions()[-1]
    assert never != first
    well.change()
    well.deploy("colleague")
    assert well.ends(verbs.rollback, machine="colleague").code == 0
    assert well.serving() == first


@pytest.mark.share(3)
@pytest.mark.parametrize("verb", [verbs.deploy, verbs.rollback])
def test_a_deployment_that_never_ends_is_superseded(well: EcsPlace, verb: object) -> None:
    before = well.serving()
    well.spoil(Behaviour("unplaced"))
    assert driven(well, "deploy", "follow", "before")[0] == KILLED
    well.repair()
    told = well.ends(verb, machine="colleague")  # type: ignore[arg-type]
    assert told.code == 0, told.text
    assert well.serving() != "" and (well.serving() == before or verb is verbs.deploy)


@pytest.mark.share(3)
def test_while_a_restart_hangs_a_rollback_leads_to_what_it_is_a_copy_of(well: EcsPlace) -> None:
    before, good = well.serving(), set(well.revisions())
    well.fake.ecs.behaves = lambda document: Behaviour("good" if release(document) in good else "unplaced")
    assert driven(well, "restart", "follow", "before")[0] == KILLED
    told = well.ends(verbs.rollback, machine="colleague")
    assert told.code == 0, told.text
    assert well.serving() == before == well.definition.tags["decodeat-ops:id"]


@pytest.mark.share(3)
def test_data_that_a_removal_left_can_be_deleted_later(well: EcsPlace) -> None:
    assert well.ends(bootstrap).code == 0
    assert well.ends(verbs.remove).code == 0
    secret = well.fake.secrets.held[DEPLOYMENT]
    assert secret.deleted is None
    told = well.ends(verbs.remove, delete_data=True)
    assert told.outcome is not None and told.outcome.changed == 1, told.text
    assert secret.deleted is not None
    again = well.ends(verbs.remove, delete_data=True)
    assert again.outcome is not None and again.outcome.changed == 0


@pytest.mark.share(3)
def test_a_variable_that_became_a_secret_is_no_obstacle_on_the_way_back(well: EcsPlace) -> None:
    well.configure(CORS_ORIGINS="https://a.example.com")
    older = well.deploy()
    del well.variables["CORS_ORIGINS"]
    well.secrets["CORS_ORIGINS"] = "https://b.example.com"
    well.write()
    well.deploy()
    told = well.ends(verbs.rollback)
    assert told.code == 0 and well.serving() == older, told.text
    assert well.values()["CORS_ORIGINS"] == "https://b.example.com"


def test_a_load_balancer_taken_out_of_the_settings_is_taken_from_the_service(
    tmp_path_factory: pytest.TempPathFactory, source: object
) -> None:
    with ecs_place(tmp_path_factory.mktemp("ecs") / "own", source) as place:  # type: ignore[arg-type]
        place.deploy()
        assert place.service.document["loadBalancers"]
        place.ecs["target_group"] = ""
        place.change()
        place.deploy()
        assert not place.service.document["loadBalancers"]
        after = place.ends()
        assert after.outcome is not None and after.outcome.changed == 0
