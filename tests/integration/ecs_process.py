"""Run the program, or a change that is killed, in a process of its own whose waits for AWS end at once.

`python -m tests.integration.ecs_process WORDS...` is the command line; with `drive CONFIG VERB STEP FAULT` it is the
driver of the lab (see tests/lab/ecs_driver.py).
"""

import sys

import pytest

from decodeat_ops.__main__ import main as program
from tests.integration.ecs_clock import leap


def main() -> int:
    leap(pytest.MonkeyPatch())
    if sys.argv[1:2] == ["drive"]:
        from tests.lab.ecs_driver import main as drive

        del sys.argv[1]
        return drive()
    return program()


if __name__ == "__main__":
    sys.exit(main())
