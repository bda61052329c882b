"""Connect to machines over SSH."""

import sys

if "invoke" not in sys.modules:
    # paramiko needs it for `Match exec` in ssh's configuration alone, which is asked of `ssh -G` here; without one that
    # can be imported it goes on. It takes half of the time in which paramiko is imported.
    sys.modules["invoke"] = None  # type: ignore[assignment]
    import paramiko  # noqa: F401

    del sys.modules["invoke"]
