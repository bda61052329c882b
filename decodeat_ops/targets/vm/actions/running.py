"""Run the scripts of a step on its machines side by side, and put into words what they end with."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from decodeat_ops.core.errors import StepFailed
from decodeat_ops.core.remote import Answer, Remote
from decodeat_ops.engine.executor import Context
from decodeat_ops.targets.vm import side
from decodeat_ops.targets.vm.keeping import guarded, judged
from decodeat_ops.targets.vm.observing import LOOK_SECONDS, Looked, and_look, remember
from decodeat_ops.targets.vm.place import Place, forget, remotes_of
from decodeat_ops.targets.vm.scripts import asking, frame, look

T = TypeVar("T")
SLICE = 5.0  # seconds that a script waits at most before it says how far it is, and the operator may interrupt
PATIENCE = 120.0  # seconds that anything else of a script may take

WORDS: Mapping[int, str] = {
    frame.ENDED: "the container ended",
    frame.OUT_OF_MEMORY: "the container had too little memory, or was killed",
    frame.NOT_READY: "it never said that it is ready",
    frame.UNTESTED: "nginx refuses its new files",
    frame.UNCHANGED: "nginx goes on with its old files",
    frame.MISSING: "what the step needs is not there",
    frame.NO_START: "Docker could not start it",
    frame.BARE: "nothing of the release is there, as on a machine that was made anew or whose disk is away",
    frame.NO_ENGINE: "its Docker engine does not answer",
    frame.SERVES: "another colour than planned is the one that clients reach",
}


@dataclass(frozen=True)
class Work:
    """Run scripts on one machine for a step. An undo is not `patient`: nothing interrupts it.

    Each script that ends well also looks at the machine where `looked` is given, which gets what it saw.
    """

    place: Place
    context: Context
    remote: Remote
    patient: bool = True
    looked: dict[str, Looked] | None = None

    @property
    def host(self) -> str:
        return self.remote.name

    def run(self, body: str, *, given: str = "", timeout: float = PATIENCE) -> Answer:
        """Run a script under the guard, and return its answer whatever it is."""
        names = self.place.names
        if self.looked is not None:
            body, timeout = look.after(names, body), timeout + LOOK_SECONDS
        script = guarded(self.place, self.host, body)
        answer = judged(self.remote.run(script, given=given, timeout=timeout), self.host)
        if self.looked is None or answer.status:
            return answer
        told, self.looked[self.host] = and_look(self.host, answer.stdout, names)
        return replace(answer, stdout=told)

    def do(self, body: str, what: str, *, given: str = "", timeout: float = PATIENCE) -> Answer:
        """Run a script that has to end well. Raises `StepFailed`, which `what` begins, such as "the rename"."""
        return self.well(self.run(body, given=given, timeout=timeout), what)

    def well(self, answer: Answer, what: str) -> Answer:
        if answer.status == 0:
            return answer
        why = WORDS.get(answer.status, f"it ended with status {answer.status}")
        if answer.status != frame.BARE or len(self.place.hosts) == 1:
            raise self.failed(what, why, answer)
        brings = f"`decodeat-ops bootstrap`, `decodeat-ops deploy --host {self.host}` bring it to what the others serve"
        if self.patient:
            raise self.failed(what, why, answer, f"If it was made anew, {brings}.")
        # The hint of what fails in an undo is not shown.
        way = "take it out of vm.hosts and run `decodeat-ops resume --undo`; then put it back, and"
        raise self.failed(what, f"{why}. If it was made anew, {way} {brings}", answer)

    def failed(self, what: str, why: str, answer: Answer, hint: str = "") -> StepFailed:
        """Return the error with what the machine printed."""
        told = answer.stdout if frame.LOG not in answer.stdout else ""
        lines = frame.logged(answer.stdout) or tuple(f"{told}{answer.stderr}".splitlines()[-frame.LOG_LINES :])
        return StepFailed(f"{self.host}: {what}: {why}.", hint=hint, lines=lines)

    def wait(
        self,
        body: Callable[[float], str],
        limit: float,
        *,
        given: str = "",
        waiting: Callable[[Answer, float], str] = lambda answer, seconds: "",
    ) -> Answer:
        """Repeat a script while it ends with `NOT_YET`, at most `limit` seconds, and return its last answer.

        `body` makes it with the seconds that it may wait itself; `waiting` is what is shown in between.
        """
        began = self.place.clock.now()
        while True:
            left = limit - (self.place.clock.now() - began)
            slice_ = max(0.0, min(SLICE, left))
            answer = self.run(body(slice_), given=given, timeout=PATIENCE + slice_)
            seconds = self.place.clock.now() - began
            if answer.status != frame.NOT_YET or seconds >= limit:
                return answer
            if self.patient:
                self.context.checkpoint()
            text = waiting(answer, seconds)
            if text:
                self.context.progress(f"{self.host}: {text}")


def each(
    place: Place,
    context: Context,
    hosts: Iterable[str],
    work: Callable[[Work], T],
    *,
    patient: bool = True,
    needed: bool = True,
    looks: bool = False,
) -> dict[str, T]:
    """Do the work for every machine at once, and return the results by name. Raises as `side.each` does.

    An undo, and what is not `needed`, does without a machine that the settings don't name any more. Before what asks
    next how the machines are, the scripts say so themselves (`looks`): that takes no further round trip.
    """
    remotes = remotes_of(place, context, hosts, needed=patient and needed)
    looked: dict[str, Looked] = {}

    def one(remote: Remote) -> T:
        return work(Work(place, context, remote, patient, looked if looks else None))

    try:
        results = side.each(remotes, one, context if patient else None)
    finally:
        forget(place)
    for host, found in looked.items():
        remember(place, host, found)
    return results


def answered(answer: Answer) -> str:
    """Return in words what a release, or nginx, answered last."""
    return asking.shown(frame.told(answer.stdout).get("answer", ""))


def warnings(results: Mapping[str, str]) -> dict[str, list[str]]:
    """Return what an action warns of, by machine; nothing where the text is ""."""
    said = [f"{host}: {text}" for host, text in results.items() if text]
    return {"warnings": said} if said else {}
