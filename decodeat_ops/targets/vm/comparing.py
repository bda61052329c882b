"""Compare what a deploy would lay out on the machines with what lies there, or with what was written by hand."""

from collections.abc import Mapping

from decodeat_ops.core.abilities import Compared, Defect
from decodeat_ops.settings import envfile
from decodeat_ops.targets.vm import documents, observing
from decodeat_ops.targets.vm.handwritten import parse
from decodeat_ops.targets.vm.place import LOOK, Place
from decodeat_ops.targets.vm.scripts import reading, sections

VARIABLES = "service.env"  # the file of a release's plain variables


def laid_out(place: Place, release: str) -> dict[str, str]:
    """Return the files of a release on the first machine that answers, none when it is not there."""
    key = (LOOK, "files", release)
    found: dict[str, str] = place.remembered.get(key) or {}
    if not found:
        answer = place.hosts[observing.first(place).host].run(reading.files(place.names, release))
        found = {one.word: one.text.rstrip("\n") + "\n" for one in sections.parse(answer.stdout).named("file")}
        place.remembered[key] = found
    return found


def _without_id(files: Mapping[str, str], release: str) -> dict[str, str]:
    """Return files with the words of a rendered one in the place of the release's id, which differs each time."""
    found = {name: text.replace(release, documents.LATER) for name, text in files.items()}
    if VARIABLES in files:  # where those words are quoted, and an id is not
        plain = envfile.parse(files[VARIABLES], VARIABLES)
        found[VARIABLES] = envfile.render(dict(sorted((plain | {"RELEASE_ID": documents.LATER}).items())))
    return found


def compared(place: Place, release: str, theirs: Mapping[str, str]) -> Compared:
    """Return both sides; "" as `release` and no file mean that nothing runs yet."""
    ours = documents.files(place.loaded)
    if not theirs:
        before = _without_id(laid_out(place, release), release) if release else {}
        against = f"release {release}" if release else "nothing: there is no release yet"
        names = dict.fromkeys((*ours, *before))
        return Compared(against, {name: (before.get(name, ""), ours.get(name, "")) for name in names}, release)
    texts: dict[str, tuple[str, str]] = {}
    defects: list[Defect] = []
    for name, text in theirs.items():
        found = parse(name, text)
        defects += found.defects(place)
        if found.counterpart:
            texts[name] = (text, ours.get(found.counterpart, ""))
    return Compared(", ".join(theirs), texts, defects=tuple(sorted(defects, key=lambda one: one.number)))
