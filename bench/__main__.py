"""`python -m bench`: every ratio, each measured in one run of its own. Exit 1 when one is over its limit."""

import sys

from bench import deploy, startup


def main() -> int:
    return max([bench.main() for bench in (startup, deploy)])


if __name__ == "__main__":
    sys.exit(main())
