"""Given a firewall that is changed, when the operator stops it, it hears that at once and confirms nothing more."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from decodeat_ops.core import events
from decodeat_ops.core.errors import Interrupted, Lost, Unreachable
from decodeat_ops.core.remote import Answer
from decodeat_ops.engine.executor import Context
from decodeat_ops.targets.vm.firewall import applying, guard
from decodeat_ops.targets.vm.place import Place
from tests.support.aws import PassingClock
from tests.support.local_remote import LocalRemote
from tests.support.waiting import PATIENCE
from tests.unit.targets.vm.bare import place

PARAMS: dict[str, Any] = {"mark": "m1", "seconds": 60, "hosts": {"one": "change() { :; }", "two": "change() { :; }"}}
KINDS = {guard.applying("m1"): "apply", guard.telling("m1"): "tell", guard.confirming("m1"): "confirm"}
SAYS = {"apply": "applied\n", "tell": "applied\n", "confirm": "confirmed\n"}


@dataclass
class Wish:
    """What the machines do: at scripts of the kind `stops` the operator stops the command, and they answer or hang."""

    context: Context
    stops: str
    hangs: bool
    asked: list[str] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)

    def answer(self, kind: str) -> Answer:
        self.asked.append(kind)
        if kind == self.stops:
            self.context.interrupted = True
            if self.hangs:
                self.released.wait(PATIENCE)
        self.ended.append(kind)
        return Answer(0, SAYS[kind], "")


class Wished(LocalRemote):
    """A machine that runs nothing. To close it waits for what it is asked, as with a real one."""

    def __init__(self, name: str, wish: Wish) -> None:
        super().__init__(name)
        self._wish = wish

    def run(self, script: str, *, given: str = "", timeout: float = 60.0) -> Answer:
        with self._one_script:
            return self._wish.answer(KINDS[script])


class Silent(LocalRemote):
    """A machine to which no new connection can be made."""

    def run(self, script: str, *, given: str = "", timeout: float = 60.0) -> Answer:
        raise Unreachable(f"{self.name} refuses the connection.")


@dataclass
class Scene:
    said: list[str]
    context: Context
    place: Place

    def wished(self, stops: str, *, hangs: bool = False) -> tuple[Wish, Place]:
        wish = Wish(self.context, stops, hangs)
        here = {name: Wished(name, wish) for name in PARAMS["hosts"]}
        return wish, replace(self.place, hosts=here, another=lambda name: Wished(name, wish))


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    monkeypatch.setattr(applying, "guarded", lambda place, host, body: body)  # the lock has tests of its own
    said: list[str] = []

    def heard(event: events.Event) -> None:
        if isinstance(event, events.StepSaid):
            said.append(event.text)

    context = Context(emit=heard)
    yield Scene(said, context, place(tmp_path, {}))
    assert said in ([], ["What was changed and is not confirmed goes back by itself within 60 s."])


def test_what_nobody_stops_is_confirmed_everywhere(scene: Scene) -> None:
    wish, here = scene.wished("")
    applying.apply(here, scene.context, PARAMS)
    assert wish.ended == ["apply", "apply", "tell", "tell", "confirm", "confirm"] and scene.said == []


@pytest.mark.parametrize("kind", ["apply", "tell", "confirm"])
def test_a_wish_to_stop_waits_for_no_machine(scene: Scene, kind: str) -> None:
    wish, here = scene.wished(kind, hangs=True)
    try:
        with pytest.raises(Interrupted):
            applying.apply(here, scene.context, PARAMS)
        assert kind not in wish.ended and len(scene.said) == 1
    finally:
        wish.released.set()


@pytest.mark.parametrize("kind", ["apply", "tell"])
def test_a_wish_to_stop_leaves_nothing_confirmed(scene: Scene, kind: str) -> None:
    """Also one that comes with the last answer before the confirmation."""
    wish, here = scene.wished(kind)
    with pytest.raises(Interrupted):
        applying.apply(here, scene.context, PARAMS)
    assert "confirm" not in wish.asked and len(scene.said) == 1


@dataclass
class StoppingClock(PassingClock):
    """A clock on which the operator stops the command during a wait."""

    context: Context = field(default_factory=Context)

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        self.context.interrupted = True


def test_a_wish_to_stop_ends_the_wait_for_a_firewall_that_goes_back(scene: Scene) -> None:
    _, here = scene.wished("")
    clock = StoppingClock(context=scene.context)
    with pytest.raises(Interrupted):
        applying.apply(replace(here, another=Silent, clock=clock), scene.context, PARAMS)
    assert set(clock.slept) == {applying.EVERY} and len(scene.said) == 1


def test_a_firewall_of_which_nothing_is_heard_is_waited_for_by_the_places_clock(scene: Scene) -> None:
    _, here = scene.wished("")
    clock = PassingClock()
    one = {**PARAMS, "hosts": {"one": "change() { :; }"}}
    with pytest.raises(Lost, match="No new connection could be made to one"):
        applying.apply(replace(here, another=Silent, clock=clock), scene.context, one)
    assert clock.seconds == 60 + applying.SPARE and scene.said == []
