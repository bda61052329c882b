"""Build the scripts by which a deployment's directory is made, its lock and its journals are looked at, and deleted."""

from pathlib import PurePosixPath

from decodeat_ops.targets.vm.names import DIRECTORIES, Names
from decodeat_ops.targets.vm.scripts.keeper import ENDED, LINE
from decodeat_ops.targets.vm.scripts.quoting import lines, word

OTHER = 93  # format.json says something else; it is printed, and nothing was changed
UNNAMED = 94  # there are releases, and nothing says whose they are
UNWRITTEN = 95  # something could not be written; the reason is the last line of the error output

_BEGIN = """\
set -u
umask 077
LC_ALL=C; export LC_ALL
"""

_FILES = """\
put() { # FILE CONTENT: the file comes into being whole, or stays what it was
  printf '%s\\n' "$2" >"$1.new$$" && sync "$1.new$$" && { ln "$1.new$$" "$1" 2>/dev/null || [ -s "$1" ]; } &&
    sync "${1%/*}"
  status=$?
  rm -f "$1.new$$"
  return $status
}
"""

_CLAIM = """\
(umask 022 && mkdir -p "${root%/*}") && install -d -o 0 -g 0 -m 0700 "$root" || exit "$unwritten"
if [ ! -s "$root/format.json" ]; then
  if [ -n "$(ls -A "$root/releases" 2>/dev/null)" ]; then exit "$unnamed"; fi
  put "$root/format.json" "$record" || exit "$unwritten"
fi
if [ "$(cat "$root/format.json")" != "$record" ]; then
  cat "$root/format.json"
  exit "$other"
fi
"""

_FILL = """\
found=old
if [ ! -s "$root/salt" ]; then
  found=new
  put "$root/salt" "$salt" || exit "$unwritten"
fi
: >>"$root/step.lock" || exit "$unwritten"
if [ ! -s "$root/lock" ]; then
  printf '%-511s\\n%-511s\\n' '' '' >>"$root/lock" || exit "$unwritten"
fi
printf '%s ' "$found"
cat "$root/salt"
"""

_SALT = """\
printf '%s\\n' "$salt" >"$root/salt.new" && sync "$root/salt.new" && mv "$root/salt.new" "$root/salt" && sync "$root" ||
  exit "$unwritten"
"""

_HELD = """\
held() { # the lock's owner, while somebody holds it
  [ -e "$root/lock" ] && command exec 7<"$root/lock" || return 1
  if flock -n -s 7; then exec 7<&-; return 1; fi
  owner=
  read -r owner <&7
  exec 7<&-
}
"""

_HOLDER = """\
if held; then printf 'held %s\\n' "$owner"; fi
"""

_STOP = """\
held || exit 0
case $owner in *"\\"token\\": \\"$token\\""*) ;; *) exit 0 ;; esac
printf '%s\\n' "$token" |
  dd of="$root/lock" oflag=seek_bytes seek="$line" conv=notrunc,nocreat,fsync status=none && echo told
"""

_OPEN = """\
if [ -s "$root/format.json" ]; then echo kept; fi
if [ -d "$root/journal" ]; then
  find "$root/journal" -maxdepth 1 -name '*.jsonl' -exec grep -a -L "$ended" {} + | sed 's|.*/||' | sort
fi
exit 0
"""

_NEWEST = """\
if [ -d "$root/journal" ]; then find "$root/journal" -maxdepth 1 -name '*.jsonl' | sed 's|.*/||' | sort | tail -n 1; fi
"""

_DISCARD = """\
rm -rf "$root/journal"
for name in $parts; do rmdir "$root/$name" 2>/dev/null; done
left=$(find "$root" -mindepth 1 -maxdepth 1 ! -name lock ! -name step.lock ! -name salt ! -name format.json) || exit
if [ -z "$left" ]; then
  rm -f "$root/format.json" "$root/salt" "$root/step.lock" "$root/lock"
  rmdir "$root"
fi
exit 0
"""


def _values(names: Names, **more: object) -> str:
    values = {"root": names.root, **more}
    return _BEGIN + "".join(f"{name}={word(value)}\n" for name, value in values.items())


def prepare(names: Names, record: str, salt: str) -> str:
    """Return the script that makes the directory, whose it is (`record`, JSON on one line), and what it always has.

    It prints "old" or "new" and the salt of this machine.
    """
    values = _values(
        names,
        record=record,
        salt=salt,
        other=OTHER,
        unnamed=UNNAMED,
        unwritten=UNWRITTEN,
    )
    made = "".join(
        f'install -d -o {owner} -g {group} -m {mode} "$root/{name}" || exit "$unwritten"\n'
        for name, owner, group, mode in DIRECTORIES
    )
    return values + _FILES + _CLAIM + made + _FILL


def directories(*parts: str) -> str:
    """Return the commands that make these parts of the deployment's directory, in which they are run."""
    made = ((name, owner, group, mode) for name, owner, group, mode in DIRECTORIES if name in parts)
    return lines(*(f"install -d -o {owner} -g {group} -m {mode} {name} || exit" for name, owner, group, mode in made))


def replace_salt(names: Names, salt: str) -> str:
    """Return the script that gives a machine the salt of the others."""
    return _values(names, salt=salt, unwritten=UNWRITTEN) + _SALT


def holder(names: Names) -> str:
    """Return the script that prints "held" and the owner's line while somebody holds the lock."""
    return _values(names) + _HELD + _HOLDER


def stop(names: Names, token: str) -> str:
    """Return the script that asks the owner with this token to stop, and prints "told" if it holds the lock."""
    return _values(names, token=token, line=LINE) + _HELD + _STOP


def open_journals(names: Names) -> str:
    """Return the script that prints "kept" when there is a deployment, and the names of its open journals in order."""
    return _values(names, ended=ENDED) + _OPEN


def newest(names: Names) -> str:
    """Return the script that prints the name of the newest journal, nothing where there is none."""
    return _values(names) + _NEWEST


def read(path: PurePosixPath) -> str:
    """Return the script that prints a journal without the space that it has taken."""
    return f"LC_ALL=C tr -d '\\0' <{word(path)}\n"


def discard(names: Names) -> str:
    """Return the script that deletes journals and lock, and all else if nothing but empty directories is left."""
    parts = " ".join(name for name, *_ in reversed(DIRECTORIES))
    return _values(names, parts=parts) + _DISCARD
