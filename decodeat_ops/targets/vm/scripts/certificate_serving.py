"""Hold the functions of sh by which nginx serves another certificate, or goes on as before."""

from collections.abc import Mapping

from decodeat_ops.targets.vm.documents import paths
from decodeat_ops.targets.vm.names import GROUP, Names
from decodeat_ops.targets.vm.scripts.frame import LOG, UNTESTED
from decodeat_ops.targets.vm.scripts.quoting import word

UNFIT = 70  # key and chain don't belong together, or the certificate is not valid now
NO_OPENSSL = 74
_KEPT = 5  # directories of certificates that stay for a way back
_SEEN = 30  # seconds in which nginx has to show the new certificate

SERVE = """\
lead() { # DIRECTORY: the link leads there, at once
  rm -f certificates/live.new && ln -s "$1" certificates/live.new && mv -T certificates/live.new certificates/live &&
    sync certificates
}
back() { # DIRECTORY, "" where there was none
  if [ -n "$1" ]; then lead "$1"; else rm -f certificates/live; fi
}
print_of() { openssl x509 -noout -fingerprint -sha256 2>/dev/null; }
shown() { # what nginx shows to a client that asks for our name
  # shellcheck disable=SC2086 # two words
  timeout 5 openssl s_client -connect "127.0.0.1:$port" $named </dev/null 2>/dev/null | print_of
}
serve() { # DIRECTORY BEFORE: nginx serves what is in it; files that it refuses leave everything as it was
  [ "$1" = "$2" ] || lead "$1" || exit
  echo "live=$1"
  running=$(docker inspect --type container --format '{{.State.Running}}' "$nginx" 2>/dev/null </dev/null)
  if [ "$running" != true ]; then
    echo "served=later"
    return
  fi
  if ! tested=$(docker exec "$nginx" nginx -c "$conf" -t 2>&1 </dev/null); then
    [ "$1" = "$2" ] || back "$2"
    printf '%s\\n%s\\n' "$log" "$tested"
    exit "$untested"
  fi
  want=$(print_of <certificates/live/fullchain.pem)
  [ "$(shown)" = "$want" ] || docker exec "$nginx" nginx -c "$conf" -s reload >/dev/null 2>&1 </dev/null
  end=$(($(date +%s) + seen))
  while [ "$(shown)" != "$want" ]; do # a reload is complete some time after it was asked for
    if [ "$(date +%s)" -ge "$end" ]; then
      echo "served=no"
      return
    fi
    sleep 0.3
  done
  echo "served=yes"
}
"""
TAKE = """\
fits() { # DIRECTORY: the key is the certificate's, which the next one of the chain has signed, and it is valid now
  public=$(openssl x509 -noout -pubkey -in "$1/fullchain.pem") && [ -n "$public" ] || return 1
  [ "$public" = "$(openssl pkey -pubout -in "$1/privkey.pem" </dev/null)" ] || return 1
  openssl x509 -noout -checkend 0 -in "$1/fullchain.pem" >/dev/null || return 1
  sed '1,/-----END CERTIFICATE-----/d' "$1/fullchain.pem" >"$1/rest"
  if grep -q BEGIN "$1/rest"; then
    openssl verify -partial_chain -trusted "$1/rest" "$1/fullchain.pem" >/dev/null || return 1
  fi
  rm -f "$1/rest"
}
take() { # KIND CHAIN KEY: nginx serves this certificate, if it is one
  command -v openssl >/dev/null || exit "$no_openssl"
  name=$1-$(sha256sum <"$2" | cut -c 1-12)
  before=$(readlink certificates/live) || before=
  new=certificates/.new
  rm -rf "$new" && install -d -o 0 -g "$group" -m 0750 "$new" &&
    install -o 0 -g "$group" -m 0640 "$2" "$new/fullchain.pem" &&
    install -o 0 -g "$group" -m 0640 "$3" "$new/privkey.pem" || exit
  if ! unfit=$(fits "$new" 2>&1); then
    rm -rf "$new"
    printf '%s\\n%s\\n' "$log" "$unfit"
    exit "$status_unfit"
  fi
  # Each file by a rename, also where they are: so a key that was damaged there, or got other rights, is well again.
  install -d -o 0 -g "$group" -m 0750 "certificates/$name" && sync -f "$new" &&
    mv "$new/fullchain.pem" "$new/privkey.pem" "certificates/$name" && rm -rf "$new" || exit
  serve "$name" "$before"
  find certificates -mindepth 1 -maxdepth 1 -type d '(' -name 'acme-*' -o -name 'own-*' ')' -printf '%T@ %f\\n' |
    sort -rn | tail -n "+$kept" | cut -d ' ' -f 2 | while IFS= read -r old; do
    case $old in "$name" | "$before") ;; *) rm -rf "certificates/$old" ;; esac
  done
}
"""


def values(given: Mapping[str, object]) -> str:
    """Return the lines that set variables of sh."""
    return "".join(f"{name}={word(value)}\n" for name, value in given.items())


def serving(names: Names, domain: str, port: int) -> Mapping[str, object]:
    """Return the variables that `SERVE` needs; `domain` is asked for at `port`, "" for no name."""
    return {
        "nginx": names.container("nginx"),
        "conf": f"{paths.EDGE}/current/nginx.conf",
        "port": port,
        "named": f"-servername {domain}" if domain else "-noservername",
        "seen": _SEEN,
        "untested": UNTESTED,
        "log": LOG,
    }


def taking(names: Names, domain: str, port: int) -> Mapping[str, object]:
    """Return the variables that `SERVE` and `TAKE` need."""
    more = {"group": GROUP, "kept": _KEPT + 1, "status_unfit": UNFIT, "no_openssl": NO_OPENSSL}
    return {**serving(names, domain, port), **more}
