"""Test that commands which messages tell somebody to run are whole: with a command of each group, and its options."""

import re
from collections.abc import Iterator

from decodeat_ops.cli.app import TREE, Branch
from tests.unit.cli.test_selection import TEXTS
from tests.unit.test_documented import lacking

COMMAND = re.compile(r"decodeat-ops((?: [^`.,;:()\s]+)+)")
VALUE = "{}"  # stands for what is put into a text


def told() -> Iterator[tuple[str, list[str]]]:
    """Yield the words of each command in backticks, or that a text begins with, with its place.

    A target before the command and what comes after `--` are another program's business.
    """
    for place, text in TEXTS:
        whole = [text] if text.startswith("decodeat-ops ") else []
        for span in (*re.findall(r"`(decodeat-ops [^`]+)`", text), *whole):
            if (found := COMMAND.match(span)) and found[1].isascii():
                yield place, re.sub(r"^ --target \w+| -- .*", "", found[1]).split()


def named(words: list[str]) -> list[list[str]]:
    """Return the commands that these words may name: below a branch a value stands for any of its checklists."""
    node = TREE.get(words[0], ("", ""))[1]
    if isinstance(node, Branch) and words[1:2] == [VALUE]:
        return [[words[0], below, *words[2:]] for below in node.commands if not below.startswith(("rec", "ver"))]
    return [words]


def test_commands_in_messages_exist_with_their_options() -> None:
    found = [(place, words) for place, words in told() if words[0] != VALUE]
    assert len([place for place, _ in found if place.startswith("targets/vm/")]) > 20
    wrong = [(place, one, lacking(one)) for place, words in found for one in named(words)]
    assert [one for one in wrong if one[2]] == []


def test_a_message_names_a_command_and_no_group_of_them() -> None:
    """Tell nobody to run `decodeat-ops firewall`, which only prints its help."""
    groups = {name: node for name, (_, node) in TREE.items() if isinstance(node, Branch) and node.alone == Branch.alone}
    short = [
        (place, words) for place, words in told() if words[0] in groups and not _whole(groups[words[0]], words[1:2])
    ]
    assert short == []


def _whole(group: Branch, below: list[str]) -> bool:
    return below == [VALUE] or (bool(below) and below[0] in group.commands)
