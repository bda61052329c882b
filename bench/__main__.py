"""`python -m bench`: every ratio and score, each measured in one run of its own. Exit 1 when one misses its limit."""

import sys

from bench import deploy, ecs, heap, overload, reading, results, service, ssh, startup, vm


def main() -> int:
    outcomes = [
        startup.main(),
        deploy.main(),
        ecs.main(),
        ssh.main(),
        vm.main(),
        reading.main(),
        heap.main(),
        results.main(),
        service.main(),
        overload.main(),
    ]
    return max(outcomes)


if __name__ == "__main__":
    sys.exit(main())
