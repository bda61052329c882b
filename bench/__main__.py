"""`python -m bench`: every ratio and score, each measured in one run of its own. Exit 1 when one misses its limit."""

import sys

from bench import deploy, reading, service, startup


def main() -> int:
    return max([bench.main() for bench in (startup, deploy, reading, service)])


if __name__ == "__main__":
    sys.exit(main())
