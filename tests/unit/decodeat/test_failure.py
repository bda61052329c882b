"""A failure in another process is told as what it is."""

import pickle
from concurrent.futures import ProcessPoolExecutor

import pytest

from decodeat.engines.ports import EngineFailed
from decodeat.failure import Failure
from decodeat.images.errors import ImageRefused
from decodeat.work_queue import Overloaded

FAILURES = (
    Failure("timeout", "It took too long.", transient=True, retry_after=3.5),
    EngineFailed("timeout", "The picture took too long to read."),
    ImageRefused("too_large", "The picture is too large."),
    Overloaded(),
)


@pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: type(failure).__name__)
def test_it_is_the_same_after_a_trip_to_another_process(failure: Failure) -> None:
    back = pickle.loads(pickle.dumps(failure))
    assert type(back) is type(failure)
    assert (vars(back), str(back)) == (vars(failure), str(failure))


def _fail() -> None:
    raise EngineFailed("timeout", "The picture took too long to read.", transient=True)


def test_a_pool_of_processes_outlives_it() -> None:
    with ProcessPoolExecutor(1) as pool:
        for _ in range(2):
            with pytest.raises(EngineFailed, match="took too long") as caught:
                pool.submit(_fail).result(60)
            assert caught.value.reason == "timeout" and caught.value.transient
