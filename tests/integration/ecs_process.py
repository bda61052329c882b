"""Run the program, or a change that is killed, in a process of its own whose waits for AWS end at once.

`python -m tests.integration.ecs_process WORDS...` is the command line; with `drive CONFIG VERB STEP FAULT` it is the
driver of the lab (see tests/lab/ecs_driver.py).
"""

import sys

from decodeat_ops.__main__ import main as program
from tests.integration.ecs_clock import leap


class ForGood:
    """Set what nothing sets back: the process ends with it. Importing pytest would take longer than most commands."""

    setattr = staticmethod(setattr)


def main() -> int:
    leap(ForGood())
    if sys.argv[1:2] == ["drive"]:
        from tests.lab.ecs_driver import main as drive

        del sys.argv[1]
        return drive()
    return program()


if __name__ == "__main__":
    sys.exit(main())
