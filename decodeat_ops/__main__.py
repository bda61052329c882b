"""Entry point: answers --version before anything is imported, hands everything else to the command line."""

import sys


def main() -> int:
    """Run the command line; returns the exit code."""
    if sys.argv[1:] == ["--version"]:
        from decodeat_ops import __version__

        sys.stdout.write(f"decodeat-ops {__version__}\n")
        return 0
    from decodeat_ops.cli.boundary import run

    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
