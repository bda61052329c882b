"""PostgreSQL as far as it is played: its role's password, and a file in place of the database."""

import re
from pathlib import Path

from tests.servers.vm.container import Container
from tests.servers.vm.words import Refused

_DIRECTORY = "/var/lib/postgresql/decodeat"
_SET = re.compile(r"\\set (\w+) (?:`printenv (\w+)`|(\w+))")
_ALTER = re.compile(r"ALTER ROLE decodeat PASSWORD :'(\w+)';")
_OPTION = re.compile(r"SET \w+ = [\w-]+;")


class Postgres:
    """A program that runs. Its password is that of its first start until `psql` sets another one, as with its image."""

    health = "healthy"

    def __init__(self, container: Container) -> None:
        self._container = container

    @property
    def _role(self) -> Path:
        found = self._container.definition.outside(f"{_DIRECTORY}/password")
        assert found is not None, "its volume is missing"
        return found

    @property
    def password(self) -> str:
        return self._role.read_text()

    def start(self) -> None:
        if not self._role.exists():
            self._role.parent.mkdir(parents=True, exist_ok=True)
            self._role.write_text(self._container.definition.environment["POSTGRES_PASSWORD"])
        self._container.say("database system is ready to accept connections")

    def signal(self, name: str) -> None:
        if name in {"SIGTERM", "SIGINT", "SIGQUIT"}:
            self._container.ended(0)

    def kill(self) -> None:
        """Nothing is left."""

    def psql(self, given: str) -> None:
        """Do what psql is told on its input. Raises `Refused` for anything that is not played."""
        values = dict[str, str]()
        for line in given.splitlines():
            if found := _SET.fullmatch(line):
                values[found[1]] = self._container.definition.environment[found[2]] if found[2] else found[3]
            elif found := _ALTER.fullmatch(line):
                self._role.write_text(values[found[1]])
            elif not _OPTION.fullmatch(line):
                raise Refused(f"psql: {line!r} is not played", 3)

    def database(self, password: str) -> str:
        """Return the address of what is in the database, for whoever has its password. Raises `Refused`."""
        if password != self.password:
            raise Refused('FATAL:  password authentication failed for user "decodeat"', 2)
        return f"sqlite:///{self._role.with_name('database')}"
