"""Build the script that prints all that a machine has of its certificate and of the renewal. It changes nothing."""

from decodeat_ops.targets.vm.names import Names
from decodeat_ops.targets.vm.scripts import certificates, schedule, sections
from decodeat_ops.targets.vm.scripts.quoting import lines, word

_BODY = """\
PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/snap/bin
say certbot "$(command -v certbot)"
say openssl "$(command -v openssl)"
say addresses "$(hostname -I 2>/dev/null)"
say running "$(docker inspect --type container --format '{{.State.Running}}' "$nginx" 2>/dev/null </dev/null)"
if [ -d "$runs" ]; then
  say clockwork systemd
elif command -v cron >/dev/null || command -v crond >/dev/null; then
  say clockwork cron
fi
stamp() { # NAME: a moment of the timer in seconds since the epoch
  told=$(systemctl show --property "$1" --value "$unit.timer" 2>/dev/null) && [ -n "$told" ] &&
    date -d "$told" +%s 2>/dev/null
}
if [ -e "$systemd/$unit.timer" ]; then
  say timer "$(systemctl is-active "$unit.timer" 2>/dev/null)"
  say next "$(stamp NextElapseUSecRealtime)"
elif [ -e "$cron/$unit" ]; then
  say timer cron
fi
cd "$root" 2>/dev/null || { say end; exit 0; }
if [ -L certificates/live ]; then say live "$(readlink certificates/live)"; fi
if [ -f certificates/live/fullchain.pem ]; then
  say chain
  told <certificates/live/fullchain.pem
  say mode "$(stat -L -c %a certificates/live/privkey.pem 2>/dev/null)"
  public=$(openssl x509 -noout -pubkey -in certificates/live/fullchain.pem 2>/dev/null)
  if [ -n "$public" ] && [ "$public" = "$(openssl pkey -pubout -in certificates/live/privkey.pem 2>/dev/null)" ]; then
    say fits
  fi
fi
if [ -f "$renewal" ]; then
  say renewal
  grep -E '^(server|account) = ' "$renewal" | told
fi
if [ -f "$last" ]; then
  say last
  told <"$last"
fi
if [ -f "$said" ]; then
  say said
  tail -n 40 "$said" | told
fi
"""


def script(names: Names) -> str:
    """Return the script. A machine where nothing is yet is looked at like any other."""
    values = {
        "root": names.root, "nginx": names.container("nginx"), "renewal": certificates.renewal_file(names),
        "last": certificates.LAST, "said": certificates.SAID, "unit": schedule.unit(names),
        "systemd": schedule.SYSTEMD, "runs": schedule.RUNS, "cron": schedule.CRON,
    }  # fmt: skip
    return lines(sections.BEGIN, *(f"{name}={word(value)}" for name, value in values.items()), _BODY, sections.END)
