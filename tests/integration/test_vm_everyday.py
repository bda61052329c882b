"""Given releases that serve on machines, what an operator does every day does that, and nothing besides."""

import pytest

from decodeat_ops.application import maintenance, verbs
from tests.integration.vm_place import DEPLOYMENT, VmPlace, empty_place, serving_place, three_machines
from tests.support.deployments import service_source

__all__ = ["empty_place", "service_source", "serving_place", "three_machines"]


def test_a_rotated_secret_is_in_the_new_container_alone(well: VmPlace) -> None:
    old = well.secrets["API_KEYS"]
    well.rotate_secret()
    well.deploy()
    new = well.secrets["API_KEYS"]
    found = {
        one.name: [key for key in (old, new) if key in str(one.definition.environment)]
        for one in well.hosts[0].engine.containers.values()
    }
    assert [keys for name, keys in found.items() if name.endswith("nginx")] == [[]]
    assert well.ends(verbs.rollback).code == 0
    assert well.api_keys() == {new}, "a rollback starts with today's"


def test_a_rollback_moves_no_byte_of_an_image(well: VmPlace) -> None:
    well.change_code()
    well.deploy()
    received, exported = well.received(), well.images.did.count("export")
    assert well.ends(verbs.rollback).code == 0
    assert (well.received(), well.images.did.count("export")) == (received, exported)
    well.change()
    well.deploy()
    assert well.received() == received, "an image that is there is not sent again"


def test_maintenance_keeps_clients_out_and_the_release_running(well: VmPlace) -> None:
    release, host = well.serving(), well.hosts[0]
    assert well.ends(maintenance.maintain, on=True).code == 0
    assert well.asked(host)[0] == 503 and host.running("-blue", "-green")
    assert well.ends(maintenance.maintain, on=True).outcome is not None
    assert well.ends(maintenance.maintain, on=False).code == 0
    assert well.asked(host, "/health") == (200, release)


def test_removal_leaves_the_machines_as_they_were(well: VmPlace) -> None:
    assert well.ends(verbs.remove, delete_data=True).code == 0
    host = well.hosts[0]
    assert host.engine.containers == {} and host.engine.networks == {}
    assert [path.name for path in host.files.iterdir()] == []


@pytest.mark.share
def test_lines_of_several_machines_say_where_they_come_from(three: VmPlace) -> None:
    for host in three.hosts:
        three.asked(host, f"/only-{host.name}")
    lines = three.desk().view.log("").last(60)
    found = {one.source: [path for name in ("one", "two", "three") if (path := f"/only-{name}") in one.line]
             for one in lines if "/only-" in one.line}  # fmt: skip
    assert found == {name: [f"/only-{name}"] for name in ("one", "two", "three")}


@pytest.mark.share
def test_no_more_releases_images_and_generations_are_kept_than_asked_for(well: VmPlace) -> None:
    for _ in range(3):
        well.change_code()
        well.deploy()
    host, serving = well.hosts[0], well.serving()
    kept = {path.name for path in (host.files / DEPLOYMENT / "releases").iterdir()}
    assert len(kept) == 3 and serving in kept
    assert kept == {one.id for one in well.desk().target.observe().releases}
    ours = [one for one in host.engine.images.images.values() if "played" not in (one.told["config"]["Labels"] or {})]
    assert len(ours) == 3, "those of the releases that are kept"
    assert well.ends(verbs.rollback).code == 0


def test_the_command_line_tells_the_same(well: VmPlace) -> None:
    before = well.serving()
    ran = well.run("deploy", "--yes", "--json")
    assert ran.status == 0 and ran.json["data"]["release"] == well.serving() != before, str(ran)
    assert well.run("status", "--json").status == 0
    assert well.run("rollback", "--yes", "--json").status == 0 and well.serving() == before
