"""Build the script that stays on a machine while a command works there: it holds the lock and writes the journal.

It reads a line and answers with one. Requests: `beat`, `take`, `quiet`, `begin VERB STAMP RECORD`, `write NAME OFFSET
RECORD`, `end NAME OFFSET SIZE RECORD`, `close`. An answer begins with `go`, or with `stop` when somebody asked the
command to stop; then comes `ok`, or another word and what there is to say. Between several records of one request is a
tab. It ends by itself when nothing comes for so many seconds, or its input ends; the kernel frees the lock then.
"""

from decodeat_ops.engine.journal import KEPT, SPACE
from decodeat_ops.targets.vm.names import DIRECTORIES, Names
from decodeat_ops.targets.vm.scripts.quoting import word

# The lock's file has two lines of a fixed length, so that writing over them needs no new disk space: its owner, and the
# token of the owner that was asked to stop.
LINE = 512  # bytes; what writes them fills up to this, the line break not counted
# The last record of a journal that has ended. A quotation mark within a record is escaped, so that none can look so.
ENDED = '^{"at": "[^"]*", "record": "end", "how": "[a-z ]*"}$'

_KEEPER = r"""
set -u
umask 077
LC_ALL=C; export LC_ALL
lock=$root/lock
journals=$root/journal
held=

answer() {
  wish=
  if [ -n "$held" ]; then
    { IFS= read -r wish; read -r wish; } 2>/dev/null <"$lock"
  fi
  if [ "$wish" = "$token" ]; then printf 'stop %s\n' "$*"; else printf 'go %s\n' "$*"; fi
}

failed() {
  answer failed "$(printf '%s' "${1:-for a reason that is not known}" | tail -n 1)"
}

take() {
  if ! problem=$(mkdir -p "$root" 2>&1); then failed "$problem"; return; fi
  if ! command exec 9<>"$lock"; then failed "$lock can't be written"; return; fi
  if ! flock -w 0.5 9; then
    other=
    read -r other <"$lock"
    exec 9>&-
    answer locked "$other"
    return
  fi
  # A removal may have deleted the file meanwhile: a lock on it would keep nobody out.
  if [ "$(stat -L -c %d:%i /proc/self/fd/9 2>&1)" != "$(stat -c %d:%i "$lock" 2>&1)" ]; then
    exec 9>&-
    answer locked
    return
  fi
  printf '%-511s\n%-511s\n' "$owner" '' 2>/dev/null 1<>"$lock"
  back=
  read -r back <"$lock"
  if [ "$back" != "$owner" ]; then
    exec 9>&-
    failed "$lock can't be written: no space is left"
    return
  fi
  held=yes
  state=bare
  if whole; then read -r state <"$root/salt"; fi
  if flock -n "$root/step.lock" true 9>&-; then answer ok "$state" quiet "$(left_open)"; else answer ok "$state"; fi
}

whole() { # whether all is there that a deployment's directory always has, and it is this deployment's
  [ "$(cat "$root/format.json" 2>/dev/null)" = "$record" ] && [ -s "$root/salt" ] || return 1
  for part in $parts; do [ -d "$root/$part" ] || return 1; done
}

# Nothing that an earlier command began may still run: from here on its scripts refuse, having read the new owner.
quiet() {
  if flock -w 1 "$root/step.lock" true 9>&-; then answer ok quiet "$(left_open)"; else answer busy; fi
}

left_open() { # the names of journals that have not ended; what is no name of one says that they can't all be read
  [ -d "$journals" ] || return 0
  find "$journals" -maxdepth 1 -name '*.jsonl' -exec grep -a -L "$ended" {} + 2>&1 | sed 's|.*/||' | sort | tr '\n' ' '
}

written() { # NAME OFFSET RECORDS
  printf '%s\n' "$3" | tr '\t' '\n' |
    {written} 2>&1
}

retire() { # the oldest beyond those that are kept; what can't be read stays, and so does what is open
  rm -f "$journals"/*.partial
  find "$journals" -maxdepth 1 -name '*.jsonl' | sort | head -n "-$kept" | while IFS= read -r old; do
    if grep -a -q "$ended" "$old"; then rm -f "$old"; fi
  done
}

made() { # NAME RECORD; a journal exists with its plan or not at all
  head -c "$space" /dev/zero >"$journals/$1.partial" &&
    written "$1.partial" 0 "$2" &&
    mv "$journals/$1.partial" "$journals/$1" &&
    sync "$journals"
}

begin() { # VERB STAMP RECORD
  if ! problem=$({ mkdir -p "$journals" && retire; } 2>&1); then failed "$problem"; return; fi
  last=$(find "$journals" -maxdepth 1 -name 'n????????-*.jsonl' |
    sed -n 's|.*/n\([0-9]\{8\}\)-[^/]*$|\1|p' | sort | tail -n 1)
  number=$((1${last:-00000000} + 1))
  name=n${number#1}-$2-$1.jsonl
  if problem=$(made "$name" "$3" 2>&1); then
    answer ok "$name"
  else
    rm -f "$journals/$name.partial"
    failed "$problem"
  fi
}

# shellcheck disable=SC2016 # the shell in it expands that
while line=$(exec timeout "$silence" sh -c 'IFS= read -r line && printf "%s\n" "$line"' 9>&-); do
  what=${line%% *}
  rest=${line#"$what"}; rest=${rest# }
  first=${rest%% *}; rest=${rest#* }
  second=${rest%% *}; rest=${rest#* }
  case ${held:-no}-$what in
    *-beat) answer ok ;;
    no-take) take ;;
    yes-quiet) quiet ;;
    yes-begin) begin "$first" "$second" "$rest" ;;
    yes-write)
      if problem=$(written "$first" "$second" "$rest"); then answer ok; else failed "$problem"; fi ;;
    yes-end)
      size=${rest%% *}; rest=${rest#* }
      if problem=$(written "$first" "$second" "$rest"); then
        truncate -c -s "$size" "$journals/$first" 2>/dev/null
        answer ok
      else
        failed "$problem"
      fi ;;
    *-close)
      exec 9>&-
      held=
      answer ok
      exit 0 ;;
    *) failed "it does not know $what" ;;
  esac
done
"""


def keeper(names: Names, owner: str, token: str, silence: float, record: str) -> str:
    """Return the script. `owner` is the line for the lock's file, `silence` the seconds after which it ends.

    `record` says whose the directory is. Where it is whole, `take` answers with its salt, else with "bare".
    """
    values = {
        "root": str(names.root),
        "owner": owner,
        "token": token,
        "silence": f"{silence:g}",
        "space": str(SPACE),
        "kept": str(KEPT - 1),
        "ended": ENDED,
        "record": record,
        "parts": " ".join(name for name, *_ in DIRECTORIES),
    }
    body = _KEEPER.replace("{written}", written('"$journals/$1"', '"$2"'))
    return "".join(f"{name}={word(value)}\n" for name, value in values.items()) + body


def written(journal: str, offset: object) -> str:
    """Return the command that writes its input to a journal at an offset in bytes, each as it stands in a script.

    That is within the space which the journal has taken, and on the disk before anything else is done.
    """
    return f"dd of={journal} bs=64k oflag=seek_bytes seek={offset} conv=notrunc,nocreat,fdatasync status=none"
