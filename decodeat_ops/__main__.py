"""Entry point: answers --version before anything is imported, hands everything else to the command line."""

import sys


def main() -> int:
    """Run the command line; returns the exit code."""
    if sys.argv[1:] == ["--version"] and sys.stdout is not None:
        from decodeat_ops import __version__

        sys.stdout.write(f"decodeat-ops {__version__}\n")
        return 0
    import gc

    gc.set_threshold(100_000)  # importing makes many objects that stay: looking for garbage among them takes a tenth
    try:
        from decodeat_ops.cli.boundary import run

        code = run(sys.argv[1:])
    except KeyboardInterrupt:  # so early or late that no command was running
        return 130
    gc.freeze()  # and the interpreter's end looks for it several times more
    return code


if __name__ == "__main__":
    sys.exit(main())
