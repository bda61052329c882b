"""Given several machines, work on them goes on at once, and what goes wrong is one error that names them all."""

import threading
from dataclasses import dataclass

import pytest

from decodeat_ops.core.errors import (
    Configuration,
    GateFailed,
    Interrupted,
    Locked,
    Lost,
    OpsError,
    StepFailed,
    Unreachable,
)
from decodeat_ops.engine.executor import Context
from decodeat_ops.targets.vm import side


@dataclass(frozen=True)
class Host:
    name: str


HOSTS = [Host("a"), Host("b"), Host("c")]


def failing(**errors: BaseException) -> OpsError:
    def work(host: Host) -> str:
        if host.name in errors:
            raise errors[host.name]
        return host.name

    with pytest.raises(OpsError) as failed:
        side.each(HOSTS, work)
    return failed.value


def test_results_come_in_the_order_of_the_machines_which_work_at_once() -> None:
    together = threading.Barrier(3)
    turns = {"a": threading.Event(), "b": threading.Event(), "c": threading.Event()}
    turns["c"].set()
    after = {"c": "b", "b": "a", "a": "a"}

    def work(host: Host) -> str:
        together.wait(30)
        turns[host.name].wait(30)
        turns[after[host.name]].set()
        return host.name.upper()

    assert list(side.each(HOSTS, work).items()) == [("a", "A"), ("b", "B"), ("c", "C")]


def test_no_machines_are_no_work() -> None:
    assert side.each([], lambda host: pytest.fail("nothing to do")) == {}


def test_one_error_that_names_its_machine_is_raised_as_it_is() -> None:
    error = StepFailed("b is full.", hint="Free some space.")
    assert failing(b=error) is error


def test_an_error_without_its_machine_gets_the_name() -> None:
    error = failing(b=StepFailed("The disk is full.", hint="Free some space.", lines=("log",)))
    assert error.advice.what == "b: The disk is full." and error.advice.hint == "Free some space."
    assert error.advice.lines == ("b: log",) and type(error) is StepFailed


def test_all_failures_are_named_with_their_own_causes() -> None:
    error = failing(
        a=StepFailed("It is full.", state="Nothing was changed.", hint="Free some."),
        c=StepFailed("c has no Docker.", hint="Run bootstrap."),
    )
    assert error.advice.what == "a: It is full. c has no Docker."
    assert error.advice.state == "Nothing was changed." and error.advice.hint == "Free some. Run bootstrap."


@pytest.mark.parametrize(
    ("errors", "kind"),
    [
        ({"a": Configuration("x"), "b": Configuration("y")}, Configuration),
        ({"a": GateFailed("x"), "b": GateFailed("y")}, GateFailed),
        ({"a": Locked("x"), "b": Locked("y")}, Locked),
        ({"a": Unreachable("x"), "b": Unreachable("y")}, Unreachable),
        ({"a": Unreachable("x"), "b": Lost("y")}, Lost),
        ({"a": StepFailed("x"), "b": Lost("y"), "c": Configuration("z")}, Lost),
        ({"a": StepFailed("x"), "b": Unreachable("y")}, StepFailed),
        ({"a": Configuration("x"), "b": GateFailed("y")}, StepFailed),
        ({"a": OSError(28, "No space left on device", "/x"), "b": StepFailed("y")}, StepFailed),
    ],
)
def test_the_kind_is_theirs_where_they_agree_and_lost_goes_before_all(
    errors: dict[str, BaseException], kind: type[OpsError]
) -> None:
    assert type(failing(**errors)) is kind


def test_a_bug_is_raised_as_it_is() -> None:
    def work(host: Host) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        side.each(HOSTS, work)


def test_all_come_to_their_end_before_a_failure_is_raised() -> None:
    failed, done = threading.Event(), []

    def work(host: Host) -> None:
        if host.name == "a":
            failed.set()
            raise StepFailed("a is broken.")
        failed.wait(30)
        done.append(host.name)

    with pytest.raises(StepFailed):
        side.each(HOSTS, work)
    assert sorted(done) == ["b", "c"]


def test_a_wish_to_stop_ends_the_wait() -> None:
    context, never = Context(), threading.Event()

    def work(host: Host) -> None:
        context.interrupted = True
        never.wait(60)

    with pytest.raises(Interrupted):
        side.each(HOSTS, work, context)
    never.set()
