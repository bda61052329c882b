"""Carry out the step that brings nginx, and what stands beside it, to a release's files, and its undo."""

from datetime import UTC, datetime

from decodeat_ops.core.plan import Params
from decodeat_ops.core.remote import Answer
from decodeat_ops.engine.executor import Context, Results
from decodeat_ops.targets.vm import documents, self_signed
from decodeat_ops.targets.vm.actions.running import Work, each, warnings
from decodeat_ops.targets.vm.place import Acts, Place
from decodeat_ops.targets.vm.scripts import edge as scripts
from decodeat_ops.targets.vm.scripts import frame
from decodeat_ops.targets.vm.scripts.quoting import export

RELOAD_SECONDS = 30.0  # in which nginx has to run with its new files
EDGE_SECONDS = 900.0  # that Compose may take to make all of it, with images that are pulled

WORDS = {  # what could not be done, and why
    frame.UNTESTED: ("nginx", "nginx refuses its new files, and goes on with the ones before"),
    frame.UNCHANGED: ("nginx", "nginx does not run with its new files, and was led back to the ones before"),
    frame.NO_START: ("nginx", "docker compose could not make it"),
    frame.MISSING: ("nginx", "the release's files, or a certificate, are not there"),
    frame.UNPASSED: ("PostgreSQL", "it does not take its password"),
}


def edge(place: Place, context: Context, params: Params) -> Results | None:
    """Bring nginx to the release's files on every machine that has others, or none."""

    def one(work: Work) -> None:
        _well(work, _brought(work, params["release"], params["generation"]))

    each(place, context, params["hosts"], one)
    return None


def _brought(work: Work, release: str, generation: str, *, back: bool = False) -> Answer:
    place = work.place
    body = scripts.edge(place.names, release, generation, RELOAD_SECONDS, back=back)
    timeout = EDGE_SECONDS + scripts.POSTGRES_SECONDS + RELOAD_SECONDS
    return work.run(body, given=_given(place, work.host), timeout=timeout)


def _well(work: Work, answer: Answer) -> str:
    if answer.status in WORDS:
        raise work.failed(*WORDS[answer.status], answer)
    work.well(answer, "nginx")
    return ""


def _given(place: Place, host: str) -> str:
    """Return the input of the script: what Compose needs, and a certificate for a machine that has none."""
    vm = place.loaded.settings.vm
    names = list(vm.domains) or [place.hosts[host].address]
    certificate, key = self_signed.made(names, datetime.now(UTC))
    return export({**documents.of_edge(place.loaded), scripts.CERTIFICATE: certificate, scripts.KEY: key})


def unedge(place: Place, context: Context, params: Params) -> Results | None:
    """Bring nginx back to the files that it had, or take it away where a first deploy made it.

    Redis and PostgreSQL get back the passwords that what serves was started with.
    """

    def one(work: Work) -> str:
        before = params["hosts"][work.host]
        if not before["generation"]:
            answer = work.run(scripts.down(place.names))
            return "" if answer.status in {0, frame.MISSING} else "nginx could not be taken away again."
        if not before["release"]:
            return ""
        # Also where its files are the same: a container's definition may have changed alone.
        answer = _brought(work, before["release"], before["generation"], back=True)
        if answer.status == frame.UNTESTED:  # nothing has changed then, and what runs goes on
            return "nginx does not take its earlier files, either, and goes on with those that it has."
        if answer.status == frame.UNPASSED:
            return "PostgreSQL does not take its earlier password: `decodeat-ops logs --part postgres` shows why."
        return _well(work, answer)

    return warnings(each(place, context, params["hosts"], one, patient=False)) or None


ACTIONS: Acts = {"edge": edge, "unedge": unedge}
