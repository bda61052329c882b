"""What looks like a secret is hidden also where the service's own code can't be asked which variables are secret."""

from pathlib import Path

import pytest

from decodeat_ops.application import settings
from decodeat_ops.application.render import render
from decodeat_ops.core.errors import Configuration
from decodeat_ops.settings.load import load

PLAIN = "a-key-in-plain-text-4711"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("API_KEYS", PLAIN),
        ("REDIS_URL", f"redis://user:{PLAIN}@cache/0"),
        ("SOME_TOKEN", f"x,{PLAIN}"),
        ("GOOGLE_CREDENTIALS_JSON", PLAIN),
    ],
)
def test_without_code_that_answers_they_are_hidden_too(tmp_path: Path, name: str, value: str) -> None:
    (tmp_path / "decodeat-ops.toml").write_text(
        f'[service]\nsource = "nowhere"\n[service.environment]\n{name} = "{value}"\nLOG_LEVEL = "INFO"\n'
    )
    shown = settings.show(load(tmp_path / "decodeat-ops.toml", None, {}), origin=True)
    assert PLAIN not in repr(shown)
    assert shown.data["settings"]["service"]["environment"] == {name: "(hidden)", "LOG_LEVEL": "INFO"}


@pytest.mark.parametrize("source", ["", "nowhere"])
@pytest.mark.parametrize("how", ["shown", "written"])
def test_no_rendered_file_holds_one(tmp_path: Path, source: str, how: str) -> None:
    (tmp_path / "decodeat-ops.toml").write_text(
        f'[local]\nstate_dir = "state"\n[service]\nsource = "{source}"\n[service.environment]\nAPI_KEYS = "{PLAIN}"\n'
    )
    loaded = load(tmp_path / "decodeat-ops.toml", None, {})
    with pytest.raises(Configuration, match="API_KEYS is a secret"):
        render(loaded, tmp_path / "out" if how == "written" else None, diff=False)
    assert not (tmp_path / "out").exists()
