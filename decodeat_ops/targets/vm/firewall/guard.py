"""Build what changes a firewall on a machine by itself, and takes it back by itself unless that is confirmed."""

from collections.abc import Sequence

from decodeat_ops.targets.vm.firewall.looking import LOCK
from decodeat_ops.targets.vm.firewall.rules import BEGIN, COMMENT, END, Rule, Wish, block
from decodeat_ops.targets.vm.scripts.quoting import lines, word, words

KEPT = "/var/lib/decodeat-ops/firewall"  # what was before, by the mark of the command
RUN = "/run/decodeat-ops-firewall"  # how far it is; a reboot ends it, and loads what the disk has

# Until it is confirmed, the new rules are in force and the old ones on the disk: a reboot takes back as well. The state
# is one line: applying, applied, confirmed, or reverted with the reason.
_BODY = """\
set -u
umask 077
LC_ALL=C; export LC_ALL
PATH=$PATH:/usr/sbin:/sbin
trap '' HUP INT PIPE
files="ufw/user.rules ufw/user6.rules ufw/after.rules ufw/after6.rules default/ufw ufw/ufw.conf"
state() { printf '%s\\n' "$*" >"$run/state.new" && mv "$run/state.new" "$run/state"; }
uptime() { cut -d . -f 1 /proc/uptime; }
keep() {
  for file in $files; do
    mkdir -p "$1/${file%/*}" && cp -p "/etc/$file" "$1/$file.new" && mv "$1/$file.new" "$1/$file" || return 1
  done
}
put() { # DIRECTORY FIRST: ufw.conf turns it all on, so that it comes last, and first where it turns it off
  for file in $2 $files; do cp -p "$1/$file" "/etc/$file.put" && mv "/etc/$file.put" "/etc/$file" || return 1; done
  sync
}
save() {
  [ -e "$kept/saved" ] && return 0
  mkdir -p "${kept%/*}" && find "${kept%/*}" -mindepth 1 -maxdepth 1 -exec rm -rf {} + || return 1
  mkdir "$kept" && keep "$kept/old" || return 1
  ufw status | grep -q '^Status: active' && : >"$kept/active"
  for family in iptables ip6tables; do
    $family -S FORWARD 2>/dev/null | sed -n 's/^-P FORWARD //p' >"$kept/$family.policy"
    $family -S DOCKER-USER 2>/dev/null | grep '^-A' >"$kept/$family.docker"
  done
  : >"$kept/saved"
}
revert() {
  put "$kept/old" ufw/ufw.conf || return 1
  if [ -e "$kept/active" ]; then ufw reload; else /lib/ufw/ufw-init force-stop; fi >/dev/null || return 1
  for family in iptables ip6tables; do
    if [ -s "$kept/$family.policy" ]; then $family -P FORWARD "$(cat "$kept/$family.policy")" || return 1; fi
    $family -S DOCKER-USER >/dev/null 2>&1 || continue
    { printf '*filter\\n:DOCKER-USER - [0:0]\\n'; cat "$kept/$family.docker"; echo COMMIT; } | $family-restore -n \\
      || return 1
  done
}
back() {
  until revert >>"$run/said" 2>&1; do state "reverting: it failed, and is tried again: $1"; sleep 2; done
  state "reverted: $1"
  exit 0
}
forwarding() {
  sed "/^$begin\\$/,/^$end\\$/d" "/etc/ufw/$1" >"/etc/ufw/$1.new" && printf '%s\\n' "$block" >>"/etc/ufw/$1.new" \\
    && chmod 640 "/etc/ufw/$1.new" && mv "/etc/ufw/$1.new" "/etc/ufw/$1"
}
watch() {
  end=$(($(uptime) + seconds))
  while [ ! -e "$run/confirm" ]; do
    [ ! -e "$run/revert" ] || back "on request"
    [ "$(uptime)" -lt "$end" ] || back "nobody confirmed within $seconds s"
    sleep 0.3
  done
  put "$kept/new" "" || back "the new rules could not be written"
  if [ -d /run/systemd/system ]; then systemctl enable ufw >/dev/null 2>&1; fi
  state confirmed
}
exec 9>>"$lock" || exit 1
if ! flock -w 20 9; then state "reverted: another change of the firewall is under way"; exit 0; fi
[ "${1:-}" != back ] || back "on request"
state applying
save >>"$run/said" 2>&1 || { state "reverted: what is there could not be saved"; exit 0; }
change >"$run/said" 2>&1 || back "ufw refused: $(tail -n 1 "$run/said")"
{ keep "$kept/new" && put "$kept/old" ufw/ufw.conf; } >>"$run/said" 2>&1 || back "the rules could not be written"
state applied
watch
"""


def guard(mark: str, seconds: int, change: str) -> str:
    """Return the program that makes a change and stays until that is confirmed or taken back."""
    return lines(
        f"seconds={seconds} lock={LOCK} run={RUN}/{word(mark)} kept={KEPT}/{word(mark)}",
        f"begin={word(BEGIN)} end={word(END)}",
        change,
        _BODY,
    )


def change(
    wish: Wish, missing: Sequence[tuple[int, str]], void: Sequence[Rule], denied: Sequence[tuple[int, str]] = ()
) -> str:
    """Return the function that makes the change: what is let in comes before anything is denied.

    An opening that a rule denies goes before all rules; any other one goes behind them, since it would void exceptions
    that the operator has made.
    """
    allowed = [(one, f"allow {words('proto', 'tcp', 'from', one[1], 'to', 'any', 'port', one[0])}") for one in missing]
    comment = words("comment", COMMENT)
    steps = (
        # One that stands behind what denies it would be taken for what is to be put before it. Each goes before all
        # others, so that the first ends up as the first.
        *(f"ufw delete {rule}; ufw prepend {rule} {comment}" for one, rule in reversed(allowed) if one in denied),
        *(f"ufw {rule} {comment}" for one, rule in allowed if one not in denied),
        "forwarding after.rules",
        "forwarding after6.rules",
        *dict.fromkeys(f"ufw delete {words(*rule.words)}" for rule in void),
        "ufw default deny incoming",
        "if ufw status | grep -q '^Status: active'; then ufw reload; else ufw --force enable; fi",
    )
    return lines(
        f"block={word(block(wish))}",
        "change() {",
        "  if [ -e /proc/net/if_inet6 ] && ! grep -qx IPV6=yes /etc/default/ufw; then",
        "    { sed -i '/^IPV6=/d' /etc/default/ufw && printf '\\nIPV6=yes\\n' >>/etc/default/ufw; } || return 1",
        "  fi",
        *(f"  {{ {step}; }} || return 1" for step in steps),
        "}",
    )


# A unit of its own is no part of the session that started it, which may end; without systemd, a session of its own.
_START = """\
set -u
umask 077
program=$run/program
start() {
  if [ -d /run/systemd/system ] && systemd-run --quiet --collect --unit="decodeat-ops-firewall-$mark-$1" \\
    sh "$program" "$1" 2>/dev/null; then return; fi
  setsid sh "$program" "$1" </dev/null >/dev/null 2>&1 8>&- &
}
told() { cat "$run/state" 2>/dev/null; }
await() {
  n=0
  while [ "$n" -lt "$limit" ]; do
    case $(told) in applied | confirmed | reverted:*) break ;; esac
    n=$((n + 1)); sleep 0.3
  done
}
awaited() {
  n=0
  while [ "$n" -lt "$limit" ]; do
    case $(told) in "$1"*) break ;; esac
    n=$((n + 1)); sleep 0.3
  done
}
"""
_APPLY = """\
mkdir -p "$run" || exit 1
if [ -z "$(told)" ]; then
  cat >"$program"
  : >"$run/said"
  start apply
fi
await
told; cat "$run/said"
"""
_CONFIRM = """\
case $(told) in applied | confirmed) ;; *) told; exit 0 ;; esac
: >"$run/confirm"
await_end() { case $(told) in confirmed | reverted:*) return 0 ;; *) return 1 ;; esac; }
n=0
until await_end || [ "$n" -ge "$limit" ]; do n=$((n + 1)); sleep 0.3; done
told
"""
_BACK = """\
case $(told) in
  reverted:*) ;;
  confirmed) rm -f "$run/confirm"; echo applying >"$run/state"; start back; awaited reverted ;;
  '') if [ -e "$kept/saved" ]; then mkdir -p "$run"; cat >"$program"; start back; awaited reverted; fi ;;
  *) : >"$run/revert"; awaited reverted ;;
esac
told
"""
_TOLD = "told\n"


def _script(mark: str, body: str, seconds: float) -> str:
    head = f"mark={word(mark)} run={RUN}/{word(mark)} kept={KEPT}/{word(mark)} limit={int(seconds / 0.3)}"
    return lines("# shellcheck disable=SC2034,SC2317,SC2329", head, _START, body)


def applying(mark: str, seconds: float = 90.0) -> str:
    """Return the script that starts the program, which it reads from its input, and prints the state and what was said.

    A repeat starts no second one.
    """
    return _script(mark, _APPLY, seconds)


def confirming(mark: str, seconds: float = 30.0) -> str:
    """Return the script that confirms, and prints the state."""
    return _script(mark, _CONFIRM, seconds)


def taking_back(mark: str, seconds: float = 60.0) -> str:
    """Return the script that has all taken back, also what was confirmed, and prints the state, "" for nothing begun.

    It reads the program from its input, for what was begun before a reboot.
    """
    return _script(mark, _BACK, seconds)


def telling(mark: str) -> str:
    """Return the script that prints the state."""
    return _script(mark, _TOLD, 0.0)
