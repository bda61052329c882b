"""Check the scripts of the ledger as a shell's own critic does."""

import subprocess
from pathlib import PurePosixPath

import pytest

from decodeat_ops.targets.vm.names import Names
from decodeat_ops.targets.vm.scripts import guard, keeper, ledger

NAMES = Names("demo-production", PurePosixPath("/opt/decodeat ops/demo-production"))
SCRIPTS = {
    "keeper": keeper.keeper(NAMES, '{"verb": "deploy", "token": "0a"}', "0a", 30.0, "{}"),
    "guard": guard.guard(NAMES, "0a", 30.0) + "echo body\n",
    "recording": guard.guard(NAMES, "0a", 30.0, guard.recording("/a b/j", 7, "it's\n100 %\n")) + "echo body\n",
    "fed": guard.fed(NAMES, "0a", "cat") + 'exit "$status"\n',
    "prepare": ledger.prepare(NAMES, '{"format": 1}', "0a"),
    "replace_salt": ledger.replace_salt(NAMES, "0a"),
    "holder": ledger.holder(NAMES),
    "stop": ledger.stop(NAMES, "0a"),
    "open_journals": ledger.open_journals(NAMES),
    "newest": ledger.newest(NAMES),
    "read": ledger.read(NAMES.journals / "n00000001-deploy.jsonl"),
    "discard": ledger.discard(NAMES),
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_shellcheck_finds_nothing(name: str) -> None:
    argv = ("shellcheck", "-s", "sh", "-")
    found = subprocess.run(argv, check=False, input=SCRIPTS[name], text=True, capture_output=True)
    assert (found.returncode, found.stdout) == (0, "")


def test_every_script_of_these_modules_is_checked() -> None:
    made = {
        name
        for module in (guard, keeper, ledger)
        for name, value in vars(module).items()
        if callable(value) and value.__module__ == module.__name__ and not name.startswith("_")
    }
    assert made - {"directories", "written"} == set(SCRIPTS)  # parts of scripts, each of which is in two of them
