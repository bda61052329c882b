"""Serve MiniStack, which looks at each container twice a second instead of ten times: `python -P paced.py`.

Two questions to the engine ten times a second, for each container all along, take a tenth of a processor each. An end
is seen four tenths of a second later. It runs with MiniStack's own Python, and none of the tests imports it.
"""

import inspect
import sys
import time
import types

from ministack import app  # type: ignore[import-not-found]
from ministack.services import ecs  # type: ignore[import-not-found]

HASTY, CALM = 0.1, 0.5  # seconds

assert inspect.getsource(ecs._watch_task_lifecycle).count(f"time.sleep({HASTY})") == 1, "this version waits otherwise"


def _sleep(seconds: float) -> None:
    time.sleep(CALM if seconds == HASTY else seconds)


ecs.time = types.SimpleNamespace(**{**vars(time), "sleep": _sleep})
sys.exit(app.main())
