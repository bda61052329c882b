"""Test the scripts of a release's way with the real sh, where no Docker is needed, and all of them by shellcheck."""

import json
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath

import pytest

from decodeat_ops.core.secret import Secret
from decodeat_ops.targets.vm.actions.laying import archive
from decodeat_ops.targets.vm.names import Names
from decodeat_ops.targets.vm.scripts import (
    asking,
    colour,
    edge,
    frame,
    images,
    migrate,
    prune,
    quoting,
    remove,
    stage,
    switch,
    watch,
)

OLD, NEW = "20260101T000000Z-aaaaaaa", "20260102T000000Z-bbbbbbb"
DOMAIN = "api.example.com"


@pytest.fixture
def names(tmp_path: Path) -> Names:
    for name in ("colours", "run/blue", "run/green", "releases", "edge"):
        (tmp_path / "demo" / name).mkdir(parents=True)
    return Names("demo", PurePosixPath(tmp_path / "demo"))


def run(script: str, given: bytes = b"", bin_: Path | None = None) -> "subprocess.CompletedProcess[bytes]":
    path = f"{bin_}:/usr/bin:/bin" if bin_ else "/usr/bin:/bin"
    return subprocess.run(
        ("sh", "-c", script), input=given, capture_output=True, env={"PATH": path}, timeout=60, check=False
    )


def without_docker(home: Path) -> Path:
    """Return a directory with a docker that does nothing well."""
    (home / "bin").mkdir(exist_ok=True)
    program = home / "bin" / "docker"
    program.write_text("#!/bin/sh\nexit 1\n")
    program.chmod(0o755)
    return program.parent


def test_a_release_is_there_at_once_and_closed(names: Names) -> None:
    root, script = Path(names.root), stage.stage(names, NEW)
    files = {"release.json": "{}", "compose.yaml": "services", "edge/nginx/nginx.conf": "http"}
    for _ in range(2):  # a repeat changes nothing
        assert run(script, archive(files)).returncode == 0
    there = root / "releases" / NEW
    assert (there / "compose.yaml").read_text() == "services"
    assert (there / "release.json").stat().st_mode & 0o777 == 0o600
    assert (there / "edge/nginx/nginx.conf").stat().st_mode & 0o777 == 0o640
    assert (there / "edge").stat().st_gid == 10010
    assert list((root / "staging").iterdir()) == []


def test_a_transfer_that_breaks_off_leaves_no_release(names: Names) -> None:
    whole = archive({"release.json": "{}", "compose.yaml": "x" * 5000})
    assert run(stage.stage(names, NEW), whole[:2000]).returncode != 0
    assert not Path(names.release(NEW)).exists()


def test_a_copy_has_its_own_id_and_record(names: Names) -> None:
    run(stage.stage(names, OLD), archive({"release.json": "{}", "compose.yaml": f"id: {OLD}", "service.env": OLD}))
    assert run(stage.copy(names, OLD, NEW, '{"id": "new"}')).returncode == 0
    there = Path(names.release(NEW))
    assert (there / "compose.yaml").read_text() == f"id: {NEW}" and json.loads((there / "release.json").read_text())
    assert (Path(names.release(OLD)) / "compose.yaml").read_text() == f"id: {OLD}"


def test_an_undone_release_takes_its_links_with_it(names: Names) -> None:
    root = Path(names.root)
    (root / "releases" / NEW).mkdir()
    (root / "colours/blue").symlink_to(f"../releases/{NEW}")
    (root / "colours/green").symlink_to(f"../releases/{OLD}")
    assert run(stage.unstage(names, NEW)).returncode == 0
    assert not (root / "releases" / NEW).exists() and not (root / "colours/blue").is_symlink()
    assert (root / "colours/green").is_symlink()


def test_clients_are_led_back_where_nginx_does_not_confirm(names: Names, tmp_path: Path) -> None:
    """The link that led to green leads there again, though nginx never answered with the new release."""
    root = Path(names.root)
    (root / "run/active").symlink_to("green")
    subprocess.run(
        ("python3", "-c", f"import socket; socket.socket(socket.AF_UNIX).bind({str(root / 'run/blue/api.sock')!r})"),
        check=True,
    )
    done = run(switch.admit(names, "blue", NEW, DOMAIN, 0), bin_=without_docker(tmp_path))
    assert done.returncode == frame.UNREACHED, done
    assert (root / "run/active").readlink() == Path("green")
    assert not list(root.glob("run.*.log"))


def test_what_a_step_renames_is_on_the_disk_before_the_next_one(names: Names, tmp_path: Path) -> None:
    """A machine that loses its power goes on with what the journal says: its link, its files, each of them whole."""
    root, bin_ = Path(names.root), without_docker(tmp_path)
    log = tmp_path / "log"
    (bin_ / "sync").write_text(f'#!/bin/sh\n{{ echo "$*"; readlink run/active; ls edge; }} >>{log}\n')
    (bin_ / "sync").chmod(0o755)
    assert run(f"cd {root}; {colour.link('green', 'run/active')}", bin_=bin_).returncode == 0
    assert log.read_text().splitlines() == ["run", "green"]
    (root / "releases" / NEW / "edge/nginx").mkdir(parents=True)
    (root / "releases" / NEW / "edge/nginx/nginx.conf").touch()
    log.unlink()
    assert run(f"cd {root}; {edge._laid(f'releases/{NEW}/edge', 'abc')}", bin_=bin_).returncode == 0
    assert log.read_text().splitlines() == ["-f edge/.new", "green"], "before the generation is there by its name"
    assert (root / "edge/abc/nginx.conf").exists()


def test_no_rename_is_forgotten(names: Names) -> None:
    # Since when a colour finishes is told while it runs alone: it does not survive a loss of power, either.
    renames = [line for script in every(names).values() for line in script.splitlines() if "mv " in line]
    assert len(renames) > 10
    assert [line for line in renames if "sync" not in line and ".retired" not in line] == []


def test_clients_are_led_nowhere_without_a_socket(names: Names, tmp_path: Path) -> None:
    (Path(names.root) / "releases" / NEW).mkdir()
    done = run(switch.admit(names, "blue", NEW, DOMAIN, 0), bin_=without_docker(tmp_path))
    assert done.returncode == frame.MISSING and not (Path(names.root) / "run/active").is_symlink()


def test_a_first_release_leaves_no_link_when_it_is_taken_back(names: Names) -> None:
    active = Path(names.root) / "run/active"
    active.symlink_to("blue")
    assert run(switch.back(names, "green", "", "", DOMAIN, 0)).returncode == 0 and active.is_symlink()
    assert run(switch.back(names, "blue", "", "", DOMAIN, 0)).returncode == 0 and not active.is_symlink()


@pytest.mark.parametrize("planted", ["directory", "link"])
def test_what_an_earlier_container_left_in_the_sockets_place_goes(names: Names, tmp_path: Path, planted: str) -> None:
    socket, kept = Path(names.socket("blue")), tmp_path / "kept"
    kept.mkdir()
    if planted == "link":
        socket.symlink_to(kept)
    else:
        (socket / "more").mkdir(parents=True)
    (Path(names.root) / "releases" / NEW).mkdir()
    (Path(names.release(NEW)) / "compose.yaml").touch()
    launch = colour.Launch(names, "blue", NEW, "sha256:1", "digest", "{}")
    assert run(colour.start(launch, 0), bin_=without_docker(tmp_path)).returncode == frame.NO_START
    assert not socket.exists() and not socket.is_symlink() and kept.exists()


@pytest.mark.parametrize(
    "answer", ["", "null", "5", "[]", "[" * 2000, '{"status": 200, "headers": null}', '{"error": "away"}']
)
def test_any_answer_of_a_container_can_be_put_into_words(answer: str) -> None:
    assert asking.shown(answer).startswith("it ")


def test_a_colour_that_clients_reach_is_never_touched(names: Names, tmp_path: Path) -> None:
    root = Path(names.root)
    (root / "run/active").symlink_to("blue")
    (root / "releases" / NEW).mkdir()
    (root / "releases" / NEW / "compose.yaml").touch()
    launch = colour.Launch(names, "blue", NEW, "sha256:1", "digest", "{}")
    for script in (
        colour.start(launch, 0),
        colour.unstart(names, "blue", NEW, OLD, ""),
        colour.drained(names, "blue", 0),
    ):
        assert run(script, bin_=without_docker(tmp_path)).returncode == frame.SERVES


def test_a_worker_that_the_kernel_kills_is_told_so(names: Names, tmp_path: Path) -> None:
    """The first process of the container goes on, so that it runs all the while."""
    docker = without_docker(tmp_path) / "docker"
    killed = 'case "$*" in *" grep "*oom_kill*) exit 0 ;; *inspect*) echo running false 0 0; exit 0 ;; esac\nexit 1\n'
    docker.write_text(f"#!/bin/sh\n{killed}")
    assert run(colour.ready(names, "blue", NEW, 0), bin_=docker.parent).returncode == frame.OUT_OF_MEMORY
    docker.write_text(f"#!/bin/sh\n{killed.replace('oom_kill', 'nothing')}")
    assert run(colour.ready(names, "blue", NEW, 0), bin_=docker.parent).returncode == frame.NOT_YET


@pytest.mark.parametrize(
    ("ends", "status", "last"),
    [
        ("die 0\noom <no value>\ndie 137", frame.OUT_OF_MEMORY, "137"),
        ("die 137", frame.OUT_OF_MEMORY, "137"),  # engines that do not know why
        ("oom <no value>\ndie 3", frame.OUT_OF_MEMORY, "3"),  # a worker was killed, and the first process gave up
        ("die 137\ndie 3", frame.ENDED, "3"),
        ("", frame.ENDED, ""),  # an engine that was started anew has forgotten it
    ],
)
def test_one_that_was_started_again_is_told_by_how_it_ended(
    names: Names, tmp_path: Path, ends: str, status: int, last: str
) -> None:
    """Docker's own state of what it has started again has forgotten that."""
    docker = without_docker(tmp_path) / "docker"
    docker.write_text(
        f"""#!/bin/sh\ncase "$*" in *Created*) echo 2026-01-01T00:00:00.5Z ;; inspect*) echo running false 0 1 ;;
events" --since 2026-01-01T00:00:00.5Z "*) echo "{ends}" ;; esac\n"""
    )
    done = run(colour.ready(names, "blue", NEW, 0), bin_=docker.parent)
    assert done.returncode == status
    assert frame.told(done.stdout.decode()) == {"state": "running false 0 1", "ended": last}


def test_what_another_change_has_brought_is_not_taken_back(names: Names, tmp_path: Path) -> None:
    """A change that was left open long ago: the colour that it led clients to runs another release by now."""
    root = Path(names.root)
    (root / "run/active").symlink_to("blue")
    (root / "colours/blue").symlink_to(f"../releases/{OLD}")
    for before, ran in (("green", OLD), ("green", ""), ("", "")):
        back = switch.back(names, "blue", before, ran, DOMAIN, 0, admitted=NEW)
        assert run(back, bin_=without_docker(tmp_path)).returncode == 0
        assert (root / "run/active").readlink() == Path("blue")


def test_an_engine_that_is_away_has_ended_nothing(
    names: Names, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(colour, "ENGINE_SECONDS", 0)
    root = Path(names.root)
    (root / "releases" / NEW).mkdir()
    (root / "run/active").symlink_to("green")
    (root / "colours/blue").symlink_to(f"../releases/{NEW}")
    (root / "colours/blue.retired").write_text("1\n")
    launch = colour.Launch(names, "blue", NEW, "sha256:1", "digest", "{}")
    errand = migrate.Errand(launch, migrate.FORWARD, "a/b", ("--migrate",))
    scripts = (
        colour.drained(names, "blue", 0),
        colour.unstart(names, "blue", NEW, OLD, "", wait=0),
        colour.unstart(names, "blue", NEW, OLD, ""),
        colour.retire(names, "green", "blue", "{}", NEW),
        migrate.outcome(errand, 0),
        prune.prune(names, [NEW], [], []),
        images.forget(names, ["sha256:1"]),
    )
    for script in scripts:
        assert run(script, bin_=without_docker(tmp_path)).returncode == frame.NO_ENGINE
    assert run(switch.all_ended(names, 0)).returncode == frame.SERVES
    (root / "run/active").unlink()
    for script in (switch.all_ended(names, 0), switch.back(names, "", "blue", NEW, DOMAIN, 0)):
        assert run(script, bin_=without_docker(tmp_path)).returncode == frame.NO_ENGINE


def test_a_release_is_judged_by_its_own_answers_alone(names: Names, tmp_path: Path) -> None:
    """A request of the release before ends while the new one is watched, and maintenance answers 503 meanwhile."""
    now = datetime.now(UTC)

    def line(status: int, seconds: float, upstream: str, ended: float = 0) -> str:
        at = (now + timedelta(seconds=ended)).isoformat(timespec="seconds")
        return (
            f'{{"time": "{at}", "level": "INFO", "status": {status}, "seconds": {seconds:.3f}, "bytes": 1, '
            f'"upstream_status": "{upstream}", "upstream_seconds": "{seconds:.3f}"}}'
        )

    told = [
        line(200, 0.01, "200"), line(503, 0.0, ""), line(505, 0.0, ""),  # by nginx itself
        line(200, 90.0, "200"), line(504, 140.0, "504"),  # begun before
        line(502, 0.0, "502"), line(500, 2.5, "500", 9), line(200, 12.0, "200", 60),
    ]  # fmt: skip
    (tmp_path / "log").write_text("".join(f"{one}\n" for one in ["a warning", *told]))
    program = without_docker(tmp_path) / "docker"
    program.write_text(f"#!/bin/sh\ncase $1 in inspect) echo 'running false 0 0' ;; *) cat {tmp_path}/log ;; esac\n")
    done = run(watch.watch(names, "blue", 1), bin_=program.parent)
    assert (done.stdout.decode(), done.stderr) == ("answers=8\nerrors=2\nslow=1\n", b"")


def test_what_is_in_use_is_not_pruned(names: Names, tmp_path: Path) -> None:
    root = Path(names.root)
    for name in (OLD, NEW, "20250101T000000Z-ccccccc"):
        (root / "releases" / name).mkdir()
    (root / "colours/green").symlink_to(f"../releases/{OLD}")
    for name in ("aaa", "bbb", "ccc"):
        (root / "edge" / name).mkdir()
    (root / "edge/current").symlink_to("aaa")
    script = prune.prune(names, [OLD, "20250101T000000Z-ccccccc"], [], ["bbb"])
    docker = without_docker(tmp_path) / "docker"
    docker.write_text("#!/bin/sh\n[ $1 = version ]\n")
    done = run(script, bin_=docker.parent)
    assert done.returncode == 0 and f"kept={OLD}".encode() in done.stdout
    assert {one.name for one in (root / "releases").iterdir()} == {OLD, NEW}
    assert {one.name for one in (root / "edge").iterdir()} == {"aaa", "bbb", "current"}


def test_maintenance_is_a_file(names: Names) -> None:
    flag = Path(names.maintenance)
    assert run(switch.maintenance(names, on=True)).returncode == 0 and flag.exists()
    assert run(switch.maintenance(names, on=False)).returncode == 0 and not flag.exists()


@pytest.mark.parametrize("value", ["plain", "it's", 'a"b', "two\nlines", "$(id) `id` \\ ; & |", "  spaces  ", "ü€"])
def test_a_secret_reaches_a_program_as_it_is(value: str) -> None:
    text = quoting.export({"API_KEYS": Secret(value)})
    done = run('eval "$(cat)"; printf \'%s\' "$API_KEYS"', text.encode())
    assert done.stdout.decode() == value


def test_what_is_no_name_is_not_exported() -> None:
    with pytest.raises(ValueError, match="no name"):
        quoting.export({"A; id": Secret("x")})


def an_errand(names: Names) -> migrate.Errand:
    launch = colour.Launch(names, "blue", NEW, "sha256:aa", "digest", '{"id": "x"}')
    return migrate.Errand(launch, migrate.FORWARD, "a/b", ("--migrate", "--json"))


def every(names: Names) -> dict[str, str]:
    launch = colour.Launch(names, "blue", NEW, "sha256:aa", "digest", '{"id": "x"}')
    errand = an_errand(names)
    return {
        "stage": stage.stage(names, NEW),
        "copy": stage.copy(names, OLD, NEW, "{}"),
        "unstage": stage.unstage(names, NEW),
        "start": colour.start(launch, 10),
        "ready": colour.ready(names, "blue", NEW, 5),
        "unstart": colour.unstart(names, "blue", NEW, OLD, "{}", wait=5),
        "drained": colour.drained(names, "blue", 5),
        "retire": colour.retire(names, "blue", "green", "{}", NEW),
        "admit": switch.admit(names, "blue", NEW, DOMAIN, 10),
        "back": switch.back(names, "blue", "green", OLD, DOMAIN, 10, admitted=NEW),
        "unhalt": switch.back(names, "", "green", OLD, DOMAIN, 10),
        "nowhere": switch.back(names, "blue", "", "", DOMAIN, 10, admitted=NEW),
        "halt": switch.halt(names, NEW),
        "ended": switch.all_ended(names, 5),
        "maintenance": switch.maintenance(names, on=True),
        "edge": edge.edge(names, NEW, "0123456789ab", 10),
        "unedge": edge.edge(names, OLD, "0123456789ab", 10, back=True),
        "down": edge.down(names),
        "watch": watch.watch(names, "blue", 5),
        "migrate": migrate.run(errand, 10),
        "outcome": migrate.outcome(errand, 10),
        "forget": migrate.forget(launch),
        "prune": prune.prune(names, [OLD], ["sha256:1", "sha256:2"], ["abc"]),
        "remove": remove.remove(names, ["sha256:1", "sha256:2"], ["data"], ledger=["lock"], volumes=True),
    }


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="shellcheck is not installed")
def test_every_script_is_clean(names: Names, tmp_path: Path) -> None:
    paths = []
    for name, script in every(names).items():
        paths.append(tmp_path / f"{name}.sh")
        paths[-1].write_text(script)
    done = subprocess.run(("shellcheck", "-s", "sh", *paths), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
