"""Make a deployment's directory on every machine, record whose it is, and refuse it to every other one."""

import json
import re
from collections.abc import Iterable, Mapping

from decodeat_ops.core.errors import Configuration
from decodeat_ops.core.remote import Answer, Remote
from decodeat_ops.targets.vm import keeping, side
from decodeat_ops.targets.vm.place import Place
from decodeat_ops.targets.vm.scripts import ledger as scripts

FORMAT = 1
_SALT = re.compile(r"[0-9a-f]{32}")


def record(place: Place) -> str:
    """Return the record of whose a directory is, as this version writes it."""
    return json.dumps({"format": FORMAT, "name": place.loaded.settings.name, "env": place.loaded.env})


def agreed(salts: Iterable[str]) -> str:
    """Return the salt that all machines have, "" where they don't have the same one."""
    found = {*salts}
    return found.pop() if len(found) == 1 and all(map(_SALT.fullmatch, found)) else ""


def claim(place: Place) -> None:
    """Make what is missing of the directory, and give all machines one salt. Raises `Configuration`.

    The salt is that of the first machine that had one: a machine that is new gets it from there.
    """
    drawn = keeping.salt(place)
    found = side.each(place.hosts.values(), lambda host: _prepared(place, host, drawn))
    chosen = next((salt for age, salt in found.values() if age == "old" and _SALT.fullmatch(salt)), drawn)
    others = [place.hosts[name] for name, (_, salt) in found.items() if salt != chosen]
    side.each(others, lambda host: _written(host, host.run(scripts.replace_salt(place.names, chosen))))
    place.remembered[keeping.SALT] = chosen


def _prepared(place: Place, host: Remote, salt: str) -> tuple[str, str]:
    """Prepare one machine, and return "old" or "new" and its salt."""
    ours = record(place)
    while True:
        answer = host.run(scripts.prepare(place.names, ours, salt))
        if answer.status != scripts.OTHER:
            break
        theirs = answer.stdout.strip()
        if theirs == ours:
            raise Configuration(f"{place.names.format_file} on {host.name} changes while it is read.")
        _check(place, host, theirs)
        ours = theirs  # in other words, as another version wrote it
    if answer.status == scripts.UNNAMED:
        raise Configuration(
            f"{place.names.root} on {host.name} has releases, and nothing says of which deployment.",
            hint=f"If it is this one's after all, write {ours} to {place.names.format_file} there.",
            where=str(place.names.format_file),
        )
    age, _, found = _written(host, answer).stdout.strip().partition(" ")
    return age, found


def _check(place: Place, host: Remote, theirs: str) -> None:
    """Raise `Configuration` unless the record there is of this deployment, and of a version that is known."""
    path = place.names.format_file
    settings, env = place.loaded.settings, place.loaded.env
    try:
        told: Mapping[str, object] = json.loads(theirs)
        number, owner = int(str(told["format"])), (told["name"], told["env"])
    except (ValueError, TypeError, KeyError) as error:
        raise Configuration(
            f"{path} on {host.name} is damaged: it does not say whose the directory is.",
            hint=f"What serves goes on. If it is this deployment's, write {record(place)} to it.",
            where=str(path),
        ) from error
    if number > FORMAT:
        raise Configuration(
            f"{place.names.root} on {host.name} was written by a newer version of decodeat-ops "
            f"(format {number}, this one knows {FORMAT}).",
            hint="Use that version or a later one.",
            where=str(path),
        )
    if owner != (settings.name, env):
        raise Configuration(
            f"{place.names.root} on {host.name} belongs to {owner[0]}, environment {owner[1]}, "
            f"not to {settings.name}, environment {env}.",
            hint="Check --env and --config, or set vm.directory to another one.",
            where=str(path),
        )


def _written(host: Remote, answer: Answer) -> Answer:
    """Raise `Configuration` when a machine could not write what it was told to."""
    if answer.status == 0:
        return answer
    last = answer.stderr.strip().splitlines()[-1:] or [f"status {answer.status}"]
    raise Configuration(
        f"The deployment's directory on {host.name} can't be written: {last[0]}.",
        hint="Free some space there, or mend what it says, and run the command again.",
    )
