"""Start the command line; answer --version before anything is imported."""

import sys


def main() -> int:
    """Run the command line and return the exit code."""
    if sys.argv[1:] == ["--version"] and sys.stdout is not None:
        from decodeat_ops import __version__

        sys.stdout.write(f"decodeat-ops {__version__}\n")
        return 0
    import gc

    gc.set_threshold(100_000)  # imports make many objects that stay; looking for garbage among them takes a tenth
    try:
        from decodeat_ops.cli.boundary import run

        code = run(sys.argv[1:])
    except KeyboardInterrupt:  # before or after the command itself
        return 130
    gc.freeze()  # the interpreter would collect several times more while it ends
    return code


if __name__ == "__main__":
    sys.exit(main())
