"""Templates: what is undefined or misspelt is told by template and line; the digest follows names and contents."""

import subprocess
import sys
from pathlib import Path

import pytest

from decodeat_ops import rendering
from decodeat_ops.core.errors import Configuration
from decodeat_ops.rendering import templates


def refused(place: Path, text: str, **values: object) -> tuple[str, str, str]:
    (place / "x.j2").write_text(text)
    with pytest.raises(Configuration) as caught:
        templates.render("x.j2", values, place)
    return caught.value.advice.what, caught.value.advice.hint, caught.value.where


def test_values_are_filled_in_and_line_ends_kept(tmp_path: Path) -> None:
    (tmp_path / "x.j2").write_text("{% if on %}\na = {{ a }}\n{% endif %}\n")
    assert templates.render("x.j2", {"on": True, "a": "<1 & 2>"}, tmp_path) == "a = <1 & 2>\n"


def test_an_undefined_name_is_told_with_the_nearest(tmp_path: Path) -> None:
    what, hint, where = refused(tmp_path, "one\n\n{{ wrokers }}\n", workers=1, port=2)
    assert what == "Template x.j2, line 3: 'wrokers' is undefined."
    assert hint == "Did you mean workers?"
    assert where == "x.j2:3"


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("a\n{% if %}\n", 2, "Expected an expression"),
        ("a\n\n{{ a | no_such_filter }}\n", 3, "No filter named"),
        ("{{ a.b.c }}\n", 1, "has no attribute"),
        ("a\n{{ a + 1 }}\n", 2, "TypeError"),
        ("{% for x in %}\n", 1, "Expected an expression"),
        ("{{ 1 / 0 }}\n", 1, "ZeroDivisionError"),
    ],
)
def test_a_template_that_does_not_render_is_told_by_line(tmp_path: Path, text: str, line: int, says: str) -> None:
    what, hint, _ = refused(tmp_path, text, a="text")
    assert what.startswith(f"Template x.j2, line {line}: ")
    assert says in what
    assert hint


def test_a_missing_template_is_told_with_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "nginx.conf.j2").touch()
    with pytest.raises(Configuration) as caught:
        templates.render("ngnix.conf.j2", {}, tmp_path)
    assert caught.value.advice.what == "There is no template ngnix.conf.j2."
    assert "nginx.conf.j2" in caught.value.advice.hint


def test_the_digest_follows_names_and_contents(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.j2").write_text("1")
    seen = {templates.digest("", tmp_path)}
    assert templates.digest("", tmp_path) in seen
    (tmp_path / "sub" / "a.j2").write_text("2")
    seen.add(templates.digest("", tmp_path))
    (tmp_path / "sub" / "a.j2").rename(tmp_path / "sub" / "b.j2")
    seen.add(templates.digest("", tmp_path))
    (tmp_path / "sub" / "c.j2").touch()
    seen.add(templates.digest("", tmp_path))
    assert len(seen) == 4
    (tmp_path / "sub" / "a.j2~").write_text("an editor's leftover")
    assert templates.digest("", tmp_path) in seen


def test_every_template_of_ours_parses() -> None:
    import jinja2

    place = templates.directory()
    found = templates.names(place)
    assert "local/gunicorn.conf.py.j2" in found
    for name in found:
        assert jinja2.Environment(autoescape=False).parse((place / name).read_text())


def test_the_digest_does_not_load_jinja2() -> None:
    code = (
        "import sys; from decodeat_ops import rendering; rendering.digest(\"local\"); sys.exit('jinja2' in sys.modules)"
    )
    root = Path(rendering.__file__).parents[2]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0
