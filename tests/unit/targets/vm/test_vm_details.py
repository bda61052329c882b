"""What a person and a program are told of each machine, and what is wrong there."""

import json
from pathlib import Path

from decodeat_ops.targets.vm.details import details
from decodeat_ops.targets.vm.observing import observe
from decodeat_ops.targets.vm.place import Place
from tests.support.certificates import pem
from tests.unit.targets.vm.recorded import NAMES, ONE, TWO, container, record, said, serving
from tests.unit.targets.vm.told import Told, place_of


def shown(place: Place) -> tuple[list[str], tuple[str, ...], tuple[str, ...]]:
    found = details(place.loaded.settings.vm, observe(place))
    rows = [f"{name.strip()}: {cell if isinstance(cell, str) else cell[0]}" for name, cell in found.rows]
    json.dumps(found.told)
    return rows, found.wrong, found.next


def test_a_machine_that_serves_is_told_row_by_row(tmp_path: Path) -> None:
    body = "\n".join(f" {line}" for line in pem("api.example.com", days=60).splitlines())
    place = place_of(tmp_path, Told("a", serving(extra=f"= certificate\n{body}")))
    rows, wrong, mend = shown(place)
    assert rows == [
        f"a: {ONE} in blue, since 2026-01-01T00:00:00+00:00",
        "blue: running since 2026-01-01T00:00:10+00:00",
        "edge: nginx running, redis running, 0123456789ab",
        "certificate: api.example.com, self-signed, 60 days left",
        "room: 10.0 GiB free",
    ]
    assert (wrong, mend) == ((), ())
    found = details(place.loaded.settings.vm, observe(place))
    assert found.since == "2026-01-01T00:00:10+00:00"
    [host] = found.told["hosts"]
    assert (host["release"], host["engine"], host["certificate"]["names"]) == (ONE, "24.0.7", ["api.example.com"])


def test_what_is_wrong_is_said_for_each_machine(tmp_path: Path) -> None:
    crashed = container("blue", TWO, RestartCount=4, State={"Status": "restarting", "OOMKilled": True, "ExitCode": 137})
    sick = said(
        links={"active": "blue", "blue": f"../releases/{TWO}"},
        records={TWO: json.dumps(record(TWO)), ONE: "{"},
        containers=(crashed, container("redis")),
        extra="= maintenance\n= certificate\n nonsense",
    )
    rows, wrong, mend = shown(place_of(tmp_path, Told("a", serving()), Told("b", sick)))
    assert "blue: restarting, 4 restarts (last: out of memory)" in rows
    assert wrong == (
        "b is in maintenance",
        "blue on b, which clients reach, is restarting",
        "nginx on b is missing",
        "the certificate on b can't be read",
        f"{NAMES.release(ONE)}/release.json on b is damaged: "
        "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)",
        f"machines serve different things: a {ONE}",
    )
    assert mend == ("decodeat-ops start", "decodeat-ops deploy")


def test_a_certificate_about_to_end_is_wrong(tmp_path: Path) -> None:
    body = "\n".join(f" {line}" for line in pem("api.example.com", days=3).splitlines())
    _, wrong, _ = shown(place_of(tmp_path, Told("a", serving(extra=f"= certificate\n{body}"))))
    assert wrong == ("the certificate on a ends in 3 days",)


def test_what_was_stopped_is_started(tmp_path: Path) -> None:
    stopped = said(links={"stopped": f"releases/{ONE}"}, records={ONE: json.dumps(record(ONE))})
    rows, _, mend = shown(place_of(tmp_path, Told("a", stopped)))
    assert (rows[0], mend) == (f"a: {ONE}, stopped", ("decodeat-ops start",))


def test_what_drains_is_shown_and_is_no_fault(tmp_path: Path) -> None:
    both = {ONE: json.dumps(record(ONE)), TWO: json.dumps(record(TWO))}
    rows, wrong, _ = shown(place_of(tmp_path, Told("a", serving(TWO, records=both, beside=(container("green", ONE),)))))
    assert f"green: {ONE}, draining since 2026-01-01T00:00:10+00:00" in rows
    assert wrong == ()


def test_room_that_is_not_told_is_not_shown_as_none(tmp_path: Path) -> None:
    place = place_of(tmp_path, Told("a", serving().replace("10485760 50%", "- -")))
    rows, _, _ = shown(place)
    assert rows[-1] == "room: unknown: it does not tell what is free"
    assert details(place.loaded.settings.vm, observe(place)).told["hosts"][0]["free_bytes"] is None
