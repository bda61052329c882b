"""Name what a deployment has on each of its machines: directories, Compose projects, containers, networks."""

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal

from decodeat_ops.settings.schema import Loaded

Colour = Literal["blue", "green"]
COLOURS: tuple[Colour, Colour] = ("blue", "green")
# Users and the one group of the containers. The group lets nginx reach the sockets; nobody on the machine has it.
API_USER, EDGE_USER, GROUP = 10001, 10002, 10010
# What a deployment has below its directory: owner, group, mode. Only root gets into the directory itself; what is
# mounted into a container is reached there by its own mode alone.
DIRECTORIES = (
    ("journal", 0, 0, "0700"),
    ("releases", 0, 0, "0700"),
    ("colours", 0, 0, "0700"),
    ("run", 0, GROUP, "0750"),
    ("run/blue", API_USER, GROUP, "2750"),
    ("run/green", API_USER, GROUP, "2750"),
    ("edge", 0, GROUP, "0750"),
    ("certificates", 0, GROUP, "0750"),
    ("acme", 0, GROUP, "0750"),
    ("data", API_USER, GROUP, "0700"),
)


def other(colour: Colour) -> Colour:
    """Return the other colour."""
    return "green" if colour == "blue" else "blue"


@dataclass(frozen=True)
class Names:
    """Hold a deployment's name and its directory on each machine; what is below it is the same everywhere.

    releases/<id>/          release.json, image, service.env, compose.yaml (of a colour), edge/ (files of nginx, redis)
    colours/<colour>        link to the release that the colour runs or ran last
    run/<colour>/api.sock   the socket of a colour; run/active is a link to one of them: renaming it is the switch
    run/maintenance         is there while maintenance is on
    stopped                 link to the release that served before `stop`
    edge/current            link to the generation of nginx's files in use, edge/<digest>
    certificates/live       link to the directory with fullchain.pem and privkey.pem that nginx serves
    acme/                   files by which certificate authorities see that the names are ours
    certbot/                what certbot keeps, and our programs that renew the certificate and let nginx serve it
    data/                   SQLite, where the settings name no other database
    journal/, lock, step.lock, salt, format.json
    """

    deployment: str
    root: PurePosixPath

    @classmethod
    def of(cls, loaded: Loaded) -> "Names":
        return cls(loaded.deployment, PurePosixPath(loaded.settings.vm.directory) / loaded.deployment)

    def release(self, name: str) -> PurePosixPath:
        return self.root / "releases" / name

    def colour_link(self, colour: Colour) -> PurePosixPath:
        return self.root / "colours" / colour

    def socket(self, colour: Colour) -> PurePosixPath:
        return self.root / "run" / colour / "api.sock"

    @property
    def active(self) -> PurePosixPath:
        return self.root / "run" / "active"

    @property
    def maintenance(self) -> PurePosixPath:
        return self.root / "run" / "maintenance"

    @property
    def stopped(self) -> PurePosixPath:
        return self.root / "stopped"

    @property
    def edge(self) -> PurePosixPath:
        return self.root / "edge"

    @property
    def certificates(self) -> PurePosixPath:
        return self.root / "certificates"

    @property
    def acme(self) -> PurePosixPath:
        return self.root / "acme"

    @property
    def certbot(self) -> PurePosixPath:
        return self.root / "certbot"

    @property
    def data(self) -> PurePosixPath:
        return self.root / "data"

    @property
    def journals(self) -> PurePosixPath:
        return self.root / "journal"

    @property
    def lock(self) -> PurePosixPath:
        return self.root / "lock"

    @property
    def step_lock(self) -> PurePosixPath:
        return self.root / "step.lock"

    @property
    def salt(self) -> PurePosixPath:
        return self.root / "salt"

    @property
    def format_file(self) -> PurePosixPath:
        return self.root / "format.json"

    def project(self, part: str) -> str:
        """Return the name of a Compose project: of a colour, or of "edge" (nginx, redis, postgres)."""
        return f"{self.deployment}-{part}"

    def container(self, part: str) -> str:
        """Return the name of a container: a colour, "nginx", "redis" or "postgres"."""
        return f"{self.deployment}-{part}"

    @property
    def network(self) -> str:
        """Return the network that all containers of the deployment are in; it publishes nothing."""
        return self.deployment
