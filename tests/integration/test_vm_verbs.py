"""Given machines where a release serves, when one is asked, replaced or silent, then each verb does what it says."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from decodeat_ops.adapters.ssh import remote as ssh_remote
from decodeat_ops.application import checks, pruning, state, verbs
from decodeat_ops.application.checks import Walk
from decodeat_ops.application.logs import log
from decodeat_ops.application.render import render
from decodeat_ops.core.abilities import Certifies, Joins, Maintains, Prunes, Surveys
from decodeat_ops.core.bootstrap import Bootstraps
from decodeat_ops.core.errors import Unreachable
from decodeat_ops.core.firewall import Fenced
from decodeat_ops.core.remote import Answer
from tests.integration.vm_place import DEPLOYMENT, VmPlace, empty_place, served, three_machines, vm_place
from tests.servers.vm import PlayedHost
from tests.support.deployments import service_source
from tests.support.local_remote import LocalRemote

__all__ = ["empty_place", "service_source", "three_machines"]


def replaced(host: PlayedHost) -> None:
    """Let a machine be a new one by the same name: nothing of the deployment is there."""
    for container in [*host.engine.containers.values()]:
        container.kill()
    host.engine.containers.clear()
    host.engine.networks.clear()
    host.engine.images.images.clear()
    shutil.rmtree(host.files / DEPLOYMENT)


def silence(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """Let connections to some machines be refused from now on."""
    opened: Callable[..., LocalRemote] = ssh_remote.SshRemote  # type: ignore[assignment]

    def refused(script: str, **_: Any) -> Answer:
        raise Unreachable("it refuses the connection.", hint="Is it up?")

    def open_(name: str, **given: Any) -> LocalRemote:
        made = opened(name, **given)
        if name in names:
            made.run = refused  # type: ignore[method-assign]
        return made

    monkeypatch.setattr(ssh_remote, "SshRemote", open_)


def test_a_replaced_machine_gets_what_the_others_serve(tmp_path: Path, source: Path) -> None:
    with vm_place(tmp_path / "vm", source, ("one", "two")) as place:
        release = place.deploy()
        first, second = place.hosts
        already = place.ends(verbs.deploy, host="two").what
        assert already == f"0 changed: two serves release {release} already, as the others do."
        for new, other in ((second, first), (first, second)):
            replaced(new)
            writes = len(other.engine.changes)
            told = place.ends(verbs.deploy, host=new.name)
            assert (told.code, place.serving()) == (0, release), told.text
            assert len(other.engine.changes) == writes, "the other one is left alone"
        assert place.ends(verbs.deploy).what.startswith("0 changed")
        place.change()
        told = place.ends(verbs.deploy, host="two")
        assert (told.code, place.serving()) == (2, release)
        assert f"two would serve another release than the other machines, which serve {release}" in told.what


def test_what_is_beyond_a_smaller_retention_is_pruned(place: VmPlace) -> None:
    served(place)
    place.repair()
    last = place.deploy()
    assert place.ends(pruning.prune).what == "0 changed: nothing is beyond retention."
    place.vm["keep_releases"] = 2
    told = place.ends(pruning.prune)
    assert (told.code, told.what) == (0, "What was beyond retention is deleted.")
    kept = {path.name for path in (place.hosts[0].files / DEPLOYMENT / "releases").iterdir()}
    assert (len(kept), last in kept, place.serving()) == (2, True, last)
    assert place.ends(pruning.prune).what.startswith("0 changed")


def test_status_does_without_silent_machines(three: VmPlace, monkeypatch: pytest.MonkeyPatch) -> None:
    assert state.status(three.loaded()).exit_code == 0
    release = three.serving()
    silence(monkeypatch, "one")
    found = state.status(three.loaded())
    assert (found.exit_code, found.data["silent"], found.data["release"]) == (8, ["one"], release)
    assert found.data["health"] == "ready"
    assert [one["host"] for one in found.data["hosts"]] == ["one", "two", "three"]
    assert "One: it refuses the connection" in found.summary
    assert "different things" not in found.summary
    listed = state.releases(three.loaded())
    assert (listed.exit_code, listed.data["silent"]) == (8, ["one"])
    assert release in [one["id"] for one in listed.data["releases"]]
    told = three.ends()
    assert (told.code, "one" in told.what) == (8, True)
    silence(monkeypatch, "two", "three")
    with pytest.raises(Unreachable, match="3 of 3 machines"):
        state.status(three.loaded())


def test_looking_makes_nothing_on_a_machine(place: VmPlace) -> None:
    loaded = place.loaded()
    before = sorted(place.hosts[0].root.rglob("*"))
    assert checks.checklist(loaded, "pre-deploy", Walk(interactive=False)).data["items"]
    assert {one["check"] for one in checks.doctor(loaded).data["findings"]} >= {"vm.reached", "vm.docker"}
    assert checks.check(loaded, "vm.reached").data["findings"][0]["status"] in {"PASS", "WARN"}
    rendered = render(loaded, None, diff=False)
    assert {"compose.yaml", "service.env", "edge/compose.yaml"} <= set(rendered.data["files"])
    assert render(loaded, None, diff=True).data["compared_with"] == "nothing: there is no release yet"
    assert state.status(loaded).exit_code == 8
    assert sorted(place.hosts[0].root.rglob("*")) == before


def test_a_diff_is_of_what_serves(place: VmPlace) -> None:
    place.deploy()
    assert render(place.loaded(), None, diff=True).data["differing"] == []
    place.configure(LOG_LEVEL="WARNING")
    found = render(place.loaded(), None, diff=True)
    assert set(found.data["differing"]) == {"compose.yaml", "service.env"}


def test_the_log_of_a_part(place: VmPlace) -> None:
    place.deploy()
    found = log(place.loaded(), None, supervisor=False, part="nginx")
    assert f"{DEPLOYMENT}-nginx" in found.place
    ran = place.run("logs", "--part", "nginz")
    assert (ran.status, "There are: nginx, redis, postgres." in ran.stderr) == (2, True)
    ran = place.run("logs", "--part", "nginx", "--release", "x")
    assert (ran.status, "--part names one log" in ran.stderr) == (2, True)


def test_another_connection_is_not_the_first_one(place: VmPlace) -> None:
    here = place.desk().target.here  # type: ignore[attr-defined]
    other = here.another("one")
    assert other is not here.hosts["one"]
    assert other.run("echo there").stdout == "there\n"
    other.close()


def test_a_machine_without_docker_is_told_so(place: VmPlace) -> None:
    programs = Path(place.hosts[0].variables["PATH"].split(":")[1])
    (programs / "docker").unlink()
    loaded = place.loaded()
    found = {one["check"]: one["status"] for one in checks.doctor(loaded).data["findings"]}
    assert (found["vm.docker"], "probe.failed" in found) == ("FAIL", False)
    assert state.status(loaded).summary == "Nothing is deployed."
    told = place.ends()
    assert told.code == 3
    assert "`decodeat-ops bootstrap` brings it" in told.text


def test_a_machine_with_not_a_byte_left_is_told_so(place: VmPlace) -> None:
    df = Path(place.hosts[0].variables["PATH"].split(":")[1], "df")
    df.write_text("#!/bin/sh\necho Filesystem 1024-blocks Used Available Capacity Mounted\necho none 9 9 0 100% /\n")
    df.chmod(0o755)
    told = place.ends()
    assert told.code == 3 and "0 MiB left" in told.text, told.text
    assert place.writes() == 0


def test_the_target_knows_the_actions_of_all_its_plans(place: VmPlace) -> None:
    target = place.desk().target
    assert all(isinstance(target, one) for one in (Bootstraps, Fenced, Joins, Prunes, Surveys, Maintains, Certifies))
    known = {"install-packages", "configure-engine", "make-network", "make-upgrades", "apply-firewall"}
    assert known <= target.actions.keys()
