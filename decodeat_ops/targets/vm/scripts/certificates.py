"""Build the scripts by which a machine gets its certificate, renews it by itself, and lets nginx serve another one."""

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from decodeat_ops.targets.vm.names import GROUP, Names
from decodeat_ops.targets.vm.scripts.certificate_serving import SERVE, TAKE, serving, taking, values
from decodeat_ops.targets.vm.scripts.frame import LOG, MISSING, script
from decodeat_ops.targets.vm.scripts.quoting import lines, word, words

NO_CERTBOT = 71
REFUSED = 72  # certbot got no certificate; what it said follows
NOTHING = 73  # there is no certificate that could be renewed
LOCKED = 78  # another script had the machine's lock of steps for too long

CHAIN, KEY = "DECODEAT_CHAIN", "DECODEAT_KEY"  # the input's variables with a certificate that was brought
HOOK, RENEWAL, LAST, SAID = "certbot/deploy", "certbot/renew", "certbot/last", "certbot/said"
LETS_ENCRYPT = "https://acme-v02.api.letsencrypt.org/directory"
CHALLENGES = ".well-known/acme-challenge"
_HELD = "DECODEAT_OPS_LOCKED"  # set where the lock of steps is held already

_PROGRAM = """\
#!/bin/sh
# Installed by decodeat-ops, and written anew with each certificate.
set -u
umask 077
LC_ALL=C; export LC_ALL
PATH=${PATH:-/usr/bin}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/snap/bin; export PATH
"""
_LOCK = """\
if [ "${DECODEAT_OPS_LOCKED:-}" != yes ]; then
  exec 8>>step.lock || exit
  if ! flock -w 600 8; then
    echo "another change of decodeat-ops goes on here"
    exit "$locked"
  fi
  case "$(readlink certificates/live)" in
    own-*)
      echo "a certificate that was brought is in use, and stays"
      exit 0 ;;
  esac
fi
"""
_RENEW = """\
how=${1:-timer}
[ -f "$renewal" ] || exit "$nothing"
command -v certbot >/dev/null || exit "$no_certbot"
moment() { date -d "$(openssl x509 -noout "-$1" -in "$lineage/fullchain.pem" | cut -d = -f 2)" +%s; }
due() { # a third of its time is left: certbot's own rule may be later, for certificates that last long
  ends=$(moment enddate) && begins=$(moment startdate) || return 1
  [ $((3 * (ends - $(date +%s)))) -lt $((ends - begins)) ]
}
forced=
if [ "$how" = force ] || due; then forced=--force-renewal; fi
"""
_ISSUE = """\
command -v certbot >/dev/null || exit "$no_certbot"
forced=
if [ -f "$renewal" ] && ! grep -qxF "server = $server" "$renewal"; then forced=--force-renewal; fi
"""
# With a certificate that is kept, the renewal would go on asking by the account of before.
_NEW_ACCOUNT = """\
forced=--force-renewal
rm -rf "$accounts.old"
[ ! -d "$accounts" ] || mv "$accounts" "$accounts.old" || exit
"""
_OLD_ACCOUNT = """\
# The certificate that is there is renewed by the account that it was issued to.
if [ "$outcome" = failed ] && [ -d "$accounts.old" ]; then
  rm -rf "$accounts" && mv "$accounts.old" "$accounts"
fi
"""
# Of a refusal, `certonly` says the authority's sentence alone; what kind of refusal it is stands in the log.
_CERTBOT = """\
digest() { sha256sum "$lineage/fullchain.pem" 2>/dev/null; }
before=$(digest)
# shellcheck disable=SC2086 # one word or none
certbot "$@" $forced >"$said" 2>&1 </dev/null
status=$?
outcome=failed
if [ "$status" = 0 ]; then
  outcome=kept
  [ "$(digest)" = "$before" ] || outcome=renewed
  deployed=$("$hook" 2>&1 </dev/null) || { status=$?; outcome=undeployed; }
  printf '%s\\n' "$deployed" >>"$said"
  printf '%s\\n' "$deployed" | grep -E '^(live|served)='
else
  status=$refused
  grep -as '^acme.messages.Error: ' certbot/logs/letsencrypt.log | tail -n 1 >>"$said"
fi
"""
_NOTE = """\
retry=$(grep -ais '^retry-after:' certbot/logs/letsencrypt.log | tail -n 1 | cut -d : -f 2- | tr -d '\\r')
printf '%s\\n' "at=$(date +%s)" "outcome=$outcome" "retry-after=${retry# }" >"$last.new" && mv "$last.new" "$last"
echo "outcome=$outcome"
echo "retry-after=${retry# }"
if [ "$status" != 0 ]; then
  echo "$log"
  tail -n 40 "$said"
fi
exit "$status"
"""


def _lineage(names: Names) -> PurePosixPath:
    """Return where certbot keeps the newest certificate."""
    return names.certbot / "config" / "live" / names.deployment


def renewal_file(names: Names) -> PurePosixPath:
    """Return where certbot keeps how a certificate is renewed."""
    return names.certbot / "config" / "renewal" / f"{names.deployment}.conf"


def _with_certbot(names: Names) -> Mapping[str, object]:
    statuses = {"no_certbot": NO_CERTBOT, "refused": REFUSED, "log": LOG}
    files = {"lineage": _lineage(names), "renewal": renewal_file(names), "hook": names.root / HOOK}
    return {**statuses, **files, "last": LAST, "said": SAID}


def _options(names: Names) -> Sequence[object]:
    """Return the options of every call: a place of our own, so that the system's daily `certbot renew` passes it by."""
    return (
        "-n", "--cert-name", names.deployment, "--config-dir", names.certbot / "config", "--work-dir",
        names.certbot / "work", "--logs-dir", names.certbot / "logs", "--max-log-backups", "30",
    )  # fmt: skip


def _certbot(*arguments: object) -> str:
    """Return the commands that call certbot, and let nginx serve what it has: they set `status` and `outcome`."""
    return _CERTBOT.replace('"$@"', words(*arguments))


def hook(names: Names, domain: str, port: int) -> str:
    """Return the program that certbot runs after a renewal: nginx serves the new certificate, or goes on as before."""
    lineage = _lineage(names)
    return lines(
        _PROGRAM,
        f"cd {word(names.root)} || exit {MISSING}",
        values({**taking(names, domain, port), "locked": LOCKED}),
        SERVE,
        TAKE,
        _LOCK,
        f"take acme {words(lineage / 'fullchain.pem', lineage / 'privkey.pem')}",
    )


def renewal(names: Names) -> str:
    """Return the program that runs daily: it renews what is due, and notes what came of it."""
    return lines(
        _PROGRAM,
        f"cd {word(names.root)} || exit {MISSING}",
        values({**_with_certbot(names), "nothing": NOTHING}),
        _RENEW,
        _certbot("renew", *_options(names), "--no-random-sleep-on-renew"),
        _NOTE,
    )


def _programs(names: Names, domain: str, port: int) -> str:
    """Return the commands that write both programs."""
    made = {HOOK: hook(names, domain, port), RENEWAL: renewal(names)}
    return lines(
        "install -d -o 0 -g 0 -m 0700 certbot || exit",
        *(
            "# shellcheck disable=SC2016 # the shell of the program expands that\n"
            f"printf '%s' {word(text)} >{name}.new || exit\n"
            f"chmod 0700 {name}.new && sync {name}.new && mv {name}.new {name} || exit"
            for name, text in made.items()
        ),
        f"{_HELD}=yes; export {_HELD}",
    )


def issue(names: Names, domains: Sequence[str], email: str, server: str, port: int, *, new_account: bool) -> str:
    """Return the script that lets certbot get a certificate by files that nginx shows, and lets nginx serve it.

    One that is there and not due is kept. It prints outcome=renewed, kept, failed or undeployed, and live and served
    as `serve` does. With `new_account` the authority's account is made anew, and the certificate with it; when that
    fails, the account of before is there again.
    """
    server = server or LETS_ENCRYPT
    options = (
        *_options(names), "--agree-tos", "--no-eff-email", "-m", email, "--server", server, "--webroot", "-w",
        names.acme, "--keep-until-expiring", "--renew-with-new-domains", "--key-type", "ecdsa",
        "--deploy-hook", names.root / HOOK, *(word for name in domains for word in ("-d", name)),
    )  # fmt: skip
    return script(
        names.root,
        _programs(names, domains[0], port),
        values({**_with_certbot(names), "server": server}),
        _ISSUE,
        f"accounts={word(names.certbot / 'config' / 'accounts')}\n{_NEW_ACCOUNT}" if new_account else "",
        _certbot("certonly", *options),
        _OLD_ACCOUNT if new_account else "",
        _NOTE,
    )


def renew(names: Names, domain: str, port: int, *, force: bool) -> str:
    """Return the script that does now what the daily renewal does; with `force` also when nothing is due."""
    return script(names.root, _programs(names, domain, port), f"{RENEWAL} {'force' if force else 'now'}")


def install(names: Names, domain: str, port: int) -> str:
    """Return the script that lets nginx serve the certificate of the input, lines that export chain and key."""
    return script(
        names.root,
        values(taking(names, domain, port)),
        SERVE,
        TAKE,
        'eval "$(cat)"',
        "install -d -o 0 -g 0 -m 0700 certbot || exit",
        f"printf '%s' \"${CHAIN}\" >certbot/chain && printf '%s' \"${KEY}\" >certbot/key || exit",
        f"unset {CHAIN} {KEY}",
        "trap 'rm -f certbot/chain certbot/key' EXIT",
        "take own certbot/chain certbot/key",
    )


def lead_back(names: Names, before: str, domain: str, port: int) -> str:
    """Return the script that lets nginx serve what it served before, "" for nothing."""
    return script(
        names.root,
        values(serving(names, domain, port)),
        SERVE,
        f"before={word(before)}",
        "now=$(readlink certificates/live) || now=",
        '[ "$now" != "$before" ] || exit 0',
        'if [ -n "$before" ]; then serve "$before" "$now"; else back ""; fi',
    )


def offer(names: Names, token: str, content: str) -> str:
    """Return the script that lays a file where certificate authorities ask for theirs."""
    return script(
        names.root,
        f"install -d -o 0 -g {GROUP} -m 0755 acme/.well-known acme/{CHALLENGES} || exit",
        f"printf '%s' {word(content)} >{word(f'acme/{CHALLENGES}/{token}')} || exit",
        f"chmod 0644 {word(f'acme/{CHALLENGES}/{token}')}",
    )


def withdraw(names: Names, token: str) -> str:
    """Return the script that deletes that file."""
    return script(names.root, f"rm -f {word(f'acme/{CHALLENGES}/{token}')}")
