"""Settings: what wins over what, and how mistakes are told."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decodeat_ops.core.errors import Configuration
from decodeat_ops.settings import names
from decodeat_ops.settings.load import load
from decodeat_ops.settings.schema import Loaded
from tests.support.examples import ONE_FIXTURE, examples


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "decodeat-ops.toml").write_text('name = "label"\n[local]\nport = 8001\nhost = "127.0.0.1"\n')
    return tmp_path


def read(home: Path, **options: Any) -> Loaded:
    return load(options.pop("config", None), start=home, environ=options.pop("environ", {}), **options)


def refused(home: Path, **options: Any) -> str:
    """Everything that the refusal says."""
    with pytest.raises(Configuration) as caught:
        read(home, **options)
    told = caught.value.advice
    return "\n".join((told.what, *told.lines, told.hint, caught.value.where))


def test_each_source_wins_over_the_one_before(home: Path) -> None:
    assert read(home).settings.local.port == 8001
    (home / "decodeat-ops.staging.toml").write_text("[local]\nport = 8002\n")
    overlaid = read(home, env="staging")
    assert (overlaid.settings.local.port, overlaid.settings.name) == (8002, "label")
    assert overlaid.deployment == "label-staging"
    variable = {"DECODEAT_OPS_LOCAL__PORT": "8003"}
    assert read(home, env="staging", environ=variable).settings.local.port == 8003
    assert read(home, env="staging", environ=variable, overrides={"local.port": "8004"}).settings.local.port == 8004


def test_the_origin_of_every_key_is_known(home: Path) -> None:
    (home / "decodeat-ops.production.toml").write_text("[logs]\nkeep_days = 7\n[service.environment]\nWORKERS = 2\n")
    loaded = read(home, environ={"DECODEAT_OPS_BACKUP__MAX_AGE_HOURS": "48"}, overrides={"target": "local"})
    assert loaded.origins["local.port"] == "decodeat-ops.toml"
    assert loaded.origins["logs.keep_days"] == "decodeat-ops.production.toml"
    assert loaded.origins["backup.max_age_hours"] == "DECODEAT_OPS_BACKUP__MAX_AGE_HOURS"
    assert loaded.origins["target"] == "--target"
    assert loaded.origins["checks.soak_rate"] == "default"
    assert loaded.origins["service.environment.WORKERS"] == "decodeat-ops.production.toml"
    assert "service.environment" not in loaded.origins
    assert {path.name for path in loaded.files} == {"decodeat-ops.toml", "decodeat-ops.production.toml"}


def test_tables_merge_and_anything_else_replaces(home: Path) -> None:
    (home / "decodeat-ops.toml").write_text('[service.environment]\nA = ["x", "y"]\nB = "1"\n')
    (home / "decodeat-ops.production.toml").write_text('[service.environment]\nA = ["z"]\n')
    assert read(home).settings.service.environment == {"A": ["z"], "B": "1"}


def test_settings_are_found_from_below_and_paths_are_relative_to_them(home: Path) -> None:
    below = home / "a" / "b"
    below.mkdir(parents=True)
    loaded = read(below)
    assert loaded.directory == home
    assert loaded.path("x.env") == home / "x.env"


def test_a_linked_file_is_taken_where_the_link_is(home: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "decodeat-ops.toml").symlink_to(home / "decodeat-ops.toml")
    assert read(elsewhere).directory == elsewhere


@pytest.mark.parametrize(
    ("text", "typed"),
    [("2", 2), ("2.5", 2.5), ("true", True), ("INFO", "INFO"), ('["a", "b"]', ["a", "b"]), ("1\nx = 2", "1\nx = 2")],
)
def test_a_variable_of_the_service_keeps_its_type(home: Path, text: str, typed: object) -> None:
    loaded = read(home, environ={"DECODEAT_OPS_SERVICE__ENVIRONMENT__SOME_NAME": text})
    assert loaded.settings.service.environment == {"SOME_NAME": typed}


def test_a_table_in_one_variable_is_told_how_its_keys_are_given(home: Path) -> None:
    with pytest.raises(Configuration) as caught:
        read(home, environ={"DECODEAT_OPS_SERVICE__ENVIRONMENT": '{"WORKERS": 1}'})
    assert "give each of its keys as DECODEAT_OPS_SERVICE__ENVIRONMENT__NAME" in caught.value.advice.what


def test_a_text_setting_stays_text(home: Path) -> None:
    assert read(home, environ={"DECODEAT_OPS_LOCAL__STATE_DIR": "123"}).settings.local.state_dir == "123"


@pytest.mark.parametrize(
    ("toml", "expected"),
    [
        ("[local]\nprot = 1\n", "decodeat-ops.toml: local.prot: unknown key; did you mean local.port?"),
        ("port = 1\n", "decodeat-ops.toml: port: unknown key; did you mean local.port?"),
        ("[servise]\nx = 1\n", "decodeat-ops.toml: servise: unknown key; did you mean service?"),
        ("[zzz]\nqqq = 1\n", "decodeat-ops.toml: zzz: unknown key"),
        ('[local]\nport = "8000"\n', "local.port: must be a whole number, without quotes (Port"),
        ("[local]\nport = 0\n", "local.port: must be greater than or equal to 1"),
        ("[local]\nport = true\n", "local.port: must be a whole number"),
        ("name = 3\n", "name: must be text in quotes"),
        ('name = "No Spaces"\n', "name: must match ^[a-z]"),
        ("local = 3\n", "local: must be a table"),
        ('target = "lcoal"\n', "target: must be 'local'"),
        ('[service.environment]\nlower = "x"\n', "service.environment.lower: must match"),
        ("[local]\nready_timeout = inf\n", "local.ready_timeout: "),
        ('[local]\nstate_dir = "a\\u0000b"\n', "local.state_dir: holds a NUL character"),
        (
            "[local\n",
            "decodeat-ops.toml is not valid TOML: expected ']' at the end of a table declaration (line 1, column",
        ),
        ("a = " + "[" * 5000, "brackets are nested too deeply"),
        ("a = " + "9" * 5000, "is not valid TOML"),
    ],
)
def test_a_mistake_is_told_with_its_file_and_key(home: Path, toml: str, expected: str) -> None:
    (home / "decodeat-ops.toml").write_text(toml)
    assert expected in refused(home)


def test_all_mistakes_come_at_once_each_with_its_own_origin(home: Path) -> None:
    (home / "decodeat-ops.toml").write_text('nmae = "x"\n[local]\nport = "a"\n')
    (home / "decodeat-ops.staging.toml").write_text("[logs]\nkeep_days = 0\n")
    told = refused(home, env="staging", environ={"DECODEAT_OPS_LOCAL__KEEP_RELEASES": "many"})
    assert "4 settings are wrong." in told
    assert "decodeat-ops.toml: nmae: unknown key; did you mean name?" in told
    assert "decodeat-ops.staging.toml: logs.keep_days" in told
    assert "DECODEAT_OPS_LOCAL__KEEP_RELEASES: local.keep_releases" in told


@pytest.mark.parametrize(
    "toml",
    [
        'api_key = "hunter2-very-secret"\n',
        '[service.secrets]\nAPI_KEYS = "hunter2-very-secret"\n',
        '[local]\nport = "hunter2-very-secret"\n',
        'name = "hunter2-very-SECRET"\n',
    ],
)
def test_a_value_in_the_wrong_place_is_never_repeated(home: Path, toml: str) -> None:
    (home / "decodeat-ops.toml").write_text(toml)
    assert "hunter2" not in refused(home)


def test_a_misspelt_variable_is_refused_with_the_nearest_and_without_its_value(home: Path) -> None:
    told = refused(home, environ={"DECODEAT_OPS_LOCAL__PROT": "hunter2"})
    assert "did you mean DECODEAT_OPS_LOCAL__PORT?" in told
    assert "hunter2" not in told


def test_the_flags_own_variables_are_no_settings(home: Path) -> None:
    variables = {f"DECODEAT_OPS_{name}": "x" for name in ("ENV", "CONFIG", "LANG", "INSTANCE")}
    assert read(home, environ=variables).settings.name == "label"


def test_only_production_may_lack_an_overlay(home: Path) -> None:
    assert read(home, env="production").env == "production"
    assert "Create decodeat-ops.staging.toml" in refused(home, env="staging")


@pytest.mark.parametrize("env", ["", "../x", "Prod", "a" * 33, "1a"])
def test_an_environment_has_a_plain_name(home: Path, env: str) -> None:
    assert "The environment's name" in refused(home, env=env)


def test_no_settings_anywhere_names_init(tmp_path: Path) -> None:
    assert "decodeat-ops init" in refused(tmp_path)
    assert "decodeat-ops init" in refused(tmp_path, config=tmp_path / "other.toml")


def test_what_is_not_text_is_told_by_line(home: Path) -> None:
    (home / "decodeat-ops.toml").write_bytes(b'name = "x"\n# \xff\n')
    assert "decodeat-ops.toml:2: not UTF-8 text" in refused(home)


KEYS = st.sampled_from([*names.leaves(), "local", "service", "checks"]).map(lambda key: key.rpartition(".")[2])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS | st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


def toml(value: Any) -> str:
    """A value as toml; what toml has no word for becomes text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{toml(str(k))} = {toml(v)}" for k, v in value.items()) + "}"
    escaped = "".join(c if c.isprintable() and c not in '"\\' else f"\\U{ord(c):08x}" for c in str(value))
    return f'"{escaped}"'


@settings(max_examples=examples(150), suppress_health_check=ONE_FIXTURE)
@given(tree=st.dictionaries(KEYS | st.text(max_size=5), VALUES, max_size=5))
def test_any_tree_is_settings_or_a_refusal(tmp_path: Path, tree: dict[str, Any]) -> None:
    path = tmp_path / "decodeat-ops.toml"
    path.write_text("".join(f"{toml(key)} = {toml(value)}\n" for key, value in tree.items()), encoding="utf-8")
    try:
        loaded = load(path, environ={})
    except Configuration as error:
        assert error.advice.what
        assert error.advice.hint
    else:
        assert isinstance(loaded, Loaded)
        assert set(loaded.origins.values()) <= {"default", "decodeat-ops.toml"}


@settings(max_examples=examples(100), suppress_health_check=ONE_FIXTURE)
@given(name=st.sampled_from(names.leaves()), text=st.text(st.characters(codec="utf-8", exclude_characters="\0")))
def test_any_text_in_a_variable_is_settings_or_a_refusal(tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / "decodeat-ops.toml"
    path.touch()
    variable = "DECODEAT_OPS_" + name.replace(".", "__").upper()
    try:
        assert load(path, environ={variable: text}).origins[name] == variable
    except Configuration as error:
        assert variable in "".join((error.advice.what, *error.advice.lines))
