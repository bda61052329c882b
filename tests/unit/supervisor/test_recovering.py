"""Test what a process that has just ended has to give to a new supervisor."""

import os
import subprocess

from decodeat_ops.supervisor.sockets import Listeners


def test_a_process_that_has_ended_has_no_socket() -> None:
    ended = subprocess.Popen(["true"])
    handle = os.pidfd_open(ended.pid)
    ended.wait()
    assert not Listeners().recover(ended.pid, handle, "127.0.0.1", 1, "127.0.0.1:1")
    os.close(handle)
