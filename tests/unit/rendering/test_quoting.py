"""Values of a Compose file come out of YAML and of Compose's own variables as they went in."""

import re

import yaml  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st

from decodeat_ops.rendering import quoting

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"))


def interpolated(text: str) -> str:
    """What Compose makes of a value: `$$` is one `$`, and any other `$` would begin a variable."""
    assert re.fullmatch(r"([^$]|\$\$)*", text, re.DOTALL), text
    return text.replace("$$", "$")


@given(TEXT | st.text("$\"'\\#:{} \n한"))
def test_any_value_stays_what_it_is(text: str) -> None:
    quoted = quoting.compose(text)
    assert quoted.isascii() and quoted.isprintable(), "on one line, whatever an editor makes of the file"
    assert interpolated(yaml.safe_load(f"a: {quoted}\n")["a"]) == text
