"""Check the scripts of certificates as a shell's own critic does, and those of the daily renewal on a machine."""

import os
import subprocess
from pathlib import Path, PurePosixPath

import pytest

from decodeat_ops.core.secret import Secret
from decodeat_ops.targets.vm.certificates import daily
from decodeat_ops.targets.vm.names import GROUP, Names
from decodeat_ops.targets.vm.scripts import certificate_look, certificates, schedule
from decodeat_ops.targets.vm.scripts.quoting import export
from tests.support.certificates import made

NAMES = Names("demo-production", PurePosixPath("/opt/decodeat ops/demo-production"))
DOMAIN, PORT = "api.example.com", 443
SCRIPTS = {
    "hook": certificates.hook(NAMES, DOMAIN, PORT),
    "renewal": certificates.renewal(NAMES),
    "issue": certificates.issue(NAMES, [DOMAIN], "ops@example.com", "", PORT, new_account=True),
    "renew": certificates.renew(NAMES, DOMAIN, PORT, force=True),
    "install": certificates.install(NAMES, "", PORT),
    "lead_back": certificates.lead_back(NAMES, "acme-0a", DOMAIN, PORT),
    "offer": certificates.offer(NAMES, "token", "content"),
    "withdraw": certificates.withdraw(NAMES, "token"),
    "script": certificate_look.script(NAMES),
    "schedule": schedule.schedule(NAMES, daily.units(NAMES), daily.crontab(NAMES, "api1")),
    "unschedule": schedule.unschedule(NAMES),
}
UNIT = "decodeat-ops-demo-production-certificate"


@pytest.mark.parametrize("name", SCRIPTS)
def test_shellcheck_finds_nothing(name: str) -> None:
    argv = ("shellcheck", "-s", "sh", "-")
    found = subprocess.run(argv, check=False, input=SCRIPTS[name], text=True, capture_output=True)
    assert (found.returncode, found.stdout) == (0, "")


def test_every_script_of_these_modules_is_checked() -> None:
    made = {
        name
        for module in (certificates, certificate_look, schedule)
        for name, value in vars(module).items()
        if callable(value) and value.__module__ == module.__name__ and not name.startswith("_")
    }
    assert made - set(SCRIPTS) == {"renewal_file", "unit"}, "those that return no script"


def test_certbot_has_a_place_of_its_own_and_takes_no_question() -> None:
    script = SCRIPTS["issue"]
    (line,) = [one for one in script.splitlines() if one.startswith("certbot certonly")]
    for option in (
        "-n", "--agree-tos", "--webroot", "--keep-until-expiring", "--server https://acme-v02.api.letsencrypt.org/directory",
        f"-d {DOMAIN}", "--config-dir '/opt/decodeat ops/demo-production/certbot/config'",
    ):  # fmt: skip
        assert option in line
    assert "--no-random-sleep-on-renew" in SCRIPTS["renewal"], "the timer has a random delay already"


@pytest.fixture
def there(tmp_path: Path) -> Path:
    """Return a machine's directories of systemd and cron, with programs that note how they were called."""
    for name in ("bin", "systemd", "cron"):
        (tmp_path / name).mkdir()
    for name in ("systemctl", "cron"):
        (tmp_path / "bin" / name).write_text(f'#!/bin/sh\necho "$*" >>{tmp_path}/calls\n')
        (tmp_path / "bin" / name).chmod(0o755)
    return tmp_path


def run(there: Path, name: str) -> int:
    script = SCRIPTS[name]
    places = ((schedule.SYSTEMD, "systemd"), (schedule.RUNS, "runs"), (schedule.CRON, "cron"))
    for path, own in places:
        script = script.replace(path, str(there / own))
    variables = {"PATH": f"{there}/bin:/usr/bin:/bin"}
    return subprocess.run(("sh", "-c", script), env=variables, check=False, timeout=60).returncode


@pytest.mark.skipif(os.geteuid() != 0, reason="a machine's scripts run as root")
def test_a_key_that_was_damaged_or_exposed_is_well_again_with_the_same_certificate(tmp_path: Path) -> None:
    (tmp_path / "demo" / "certificates").mkdir(parents=True)
    chain, key = made(DOMAIN)
    given = export({certificates.CHAIN: chain, certificates.KEY: Secret(key)})
    script = certificates.install(Names("demo", PurePosixPath(tmp_path / "demo")), DOMAIN, PORT)
    for _ in range(2):
        done = subprocess.run(("sh", "-c", script), input=given, text=True, capture_output=True, check=True, timeout=60)
        assert "served=later" in done.stdout, "no nginx runs"
        live = tmp_path / "demo" / "certificates" / "live"
        kept = live / "privkey.pem"
        assert (kept.read_text(), kept.stat().st_mode & 0o777, kept.stat().st_gid) == (key, 0o640, GROUP)
        assert sorted(one.name for one in live.iterdir()) == ["fullchain.pem", "privkey.pem"]
        kept.write_text("damaged")
        kept.chmod(0o644)


def test_systemd_goes_before_cron_and_both_are_taken_away(there: Path) -> None:
    (there / "runs").mkdir()
    assert [run(there, "schedule"), run(there, "schedule")] == [0, 0]
    assert sorted(one.name for one in (there / "systemd").iterdir()) == [f"{UNIT}.service", f"{UNIT}.timer"]
    assert (
        'ExecStart="/opt/decodeat ops/demo-production/certbot/renew" timer'
        in (there / "systemd" / f"{UNIT}.service").read_text()
    )
    assert list((there / "cron").iterdir()) == []
    assert run(there, "unschedule") == 0
    assert list((there / "systemd").iterdir()) == []
    assert f"disable --now {UNIT}.timer" in (there / "calls").read_text()


def test_cron_runs_it_where_there_is_no_systemd(there: Path) -> None:
    assert run(there, "schedule") == 0
    lines = (there / "cron" / UNIT).read_text().splitlines()
    minute, hour, *rest = lines[-1].split(None, 6)
    assert (0 <= int(minute) < 60, 0 <= int(hour) < 24, rest[:4]) == (True, True, ["*", "*", "*", "root"])
    assert daily.crontab(NAMES, "api1") != daily.crontab(NAMES, "api2"), "machines don't ask all at once"
    assert run(there, "unschedule") == 0
    assert list((there / "cron").iterdir()) == []


def test_a_machine_without_either_is_told(there: Path) -> None:
    (there / "bin" / "cron").unlink()
    assert run(there, "schedule") == schedule.NO_CLOCKWORK
