"""Make the service's variables, and the time-outs that have to fit around its longest request."""

from dataclasses import dataclass
from urllib.parse import quote

from decodeat_ops.core.secret import Secret
from decodeat_ops.deployment import plain
from decodeat_ops.settings.schema import Loaded
from decodeat_ops.targets.vm.documents.paths import DATA, SOCKET

# Set by this tool for every release; an operator's value would break the switch, the probes or the clients' addresses.
OURS = {
    "RELEASE_ID": "the release's id is its own",
    "SOCKET": "nginx reaches a release on a socket",
    "HOST": "a release listens on a socket; domains are vm.domains",
    "PORT": "a release listens on a socket; set vm.https_port instead",
    "FORWARDED_ALLOW_IPS": "nginx alone reaches a release, and says who its clients are",
    "PROMETHEUS_MULTIPROC_DIR": "it belongs to the image",
    "ADMISSION_LINK": "it belongs to the local target",
    "ADMISSION_BUSY": "it belongs to the local target",
    "LISTEN_ON": "it belongs to the local target",
    "SERVICE_LOG": "a container's log goes to its engine",
}
WITH_REDIS = {"REDIS_URL": "vm.redis runs one; set vm.redis = false to use another"}
WITH_POSTGRES = {"DATABASE_URL": "vm.postgres runs one; set vm.postgres = false to use another"}
SQLITE = f"sqlite:///{DATA}/decodeat.sqlite3"
REDIS = "redis:6379/0"
POSTGRES = "postgres:5432/decodeat"
REQUEST_TIMEOUT = 120  # seconds, the service's own default
RATE_LIMIT = 0  # analyses a minute for each client; the service's own default is none


@dataclass(frozen=True)
class Timeouts:
    """Hold seconds, each longer than the one before: a request ends before whoever waits for it gives up."""

    request: int

    @property
    def proxy(self) -> int:
        """Return how long nginx waits for an answer."""
        return self.request + 20

    @property
    def graceful(self) -> int:
        """Return how long a release that stops may take to finish; the service decides it itself."""
        return self.request + 30

    @property
    def stop(self) -> int:
        """Return after which time Docker ends a container that stops."""
        return self.request + 40


def timeouts(loaded: Loaded) -> Timeouts:
    """Return the time-outs around the longest request. Raises `Configuration` when that is no number."""
    return Timeouts(plain.number(loaded, "REQUEST_TIMEOUT", REQUEST_TIMEOUT))


def rate_limit(loaded: Loaded) -> int:
    """Return the analyses a minute that a client may ask for, 0 for no limit. Raises `Configuration`."""
    return plain.number(loaded, "API_RATE_LIMIT", RATE_LIMIT)


def variables(loaded: Loaded) -> dict[str, str]:
    """Return the service's plain variables but for the release's id.

    Raises `Configuration` for a variable that this tool sets, or that is among the secrets too.
    """
    vm, secrets = loaded.settings.vm, loaded.settings.service.secrets
    refused = OURS | (WITH_REDIS if vm.redis else {}) | (WITH_POSTGRES if vm.postgres else {})
    values = plain.variables(loaded, refused)
    values |= {"SOCKET": SOCKET, "FORWARDED_ALLOW_IPS": "*"}  # a socket's peer has no address to name
    if vm.redis and not vm.redis_password:
        values["REDIS_URL"] = f"redis://{REDIS}"
    if not vm.postgres and "DATABASE_URL" not in secrets:
        values.setdefault("DATABASE_URL", SQLITE)
    return values


def secret_names(loaded: Loaded) -> tuple[str, ...]:
    """Return the names of the variables that hold secrets, those that this tool makes of passwords included."""
    vm, names = loaded.settings.vm, set(loaded.settings.service.secrets)
    names |= {"REDIS_URL"} if vm.redis and vm.redis_password else set()
    names |= {"DATABASE_URL"} if vm.postgres else set()
    return tuple(sorted(names))


def keeps_sqlite(loaded: Loaded) -> bool:
    """Return whether results are in a file of the machine's own."""
    return variables(loaded).get("DATABASE_URL", "").startswith("sqlite:")


def url(scheme: str, user: str, password: Secret, place: str) -> Secret:
    """Return an address with a password in it, each sign of which that could mean something else is escaped."""
    return Secret(f"{scheme}://{user}:{quote(password.reveal(), safe='')}@{place}")
