"""Test that the operator's shell affects only how we print, not what we read or write."""

from pathlib import Path

from tests.unit.cli.program import run


def test_files_are_utf8_whatever_the_locale(home: Path) -> None:
    with (home / "decodeat-ops.toml").open("a", encoding="utf-8") as stream:
        stream.write('[service.environment]\nJWT_AUDIENCE = "라벨"\n')
    release = home / "state" / "tested-production" / "releases" / "one"
    release.mkdir(parents=True)
    (release.parents[1] / "active").symlink_to("releases/one")
    (release / "service.env").write_text("JWT_AUDIENCE='라벨'\nWORKERS=2\n", encoding="utf-8")
    variables = {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    ran = run(home, "render", "--diff", "--json", **variables)
    assert ran.status == 0, str(ran)
    assert "service.env" not in ran.json["data"]["differing"]
