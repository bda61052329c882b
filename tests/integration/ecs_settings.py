"""Write the settings of an operator who deploys to an account that is played."""

import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.integration.ecs_clock import Leaping
from tests.integration.ecs_images import EcrImages
from tests.servers.aws import Public
from tests.servers.aws.ecs.behaviour import Behaviour, Document, environment
from tests.servers.aws.fake import Aws
from tests.servers.aws.furnished import Network, role, trusting

NAME = "tested"
DEPLOYMENT = f"{NAME}-production"


@dataclass
class EcsSettings:
    """Hold the settings of one deployment in one account.

    `pinned` deploys a named image instead of building one, which takes no engine.
    `variables` and `secrets` are the service's; `ecs` and `more` are keys of [ecs] and of other sections.
    """

    home: Path
    source: Path
    fake: Aws
    side: Public
    network: Network
    images: EcrImages
    clock: Leaping
    pinned: bool = True
    variables: dict[str, Any] = field(default_factory=lambda: {"WORKERS": 1})
    secrets: dict[str, str] = field(default_factory=lambda: {"API_KEYS": "key-of-the-tests-1000"})
    references: dict[str, str] = field(default_factory=dict)
    ecs: dict[str, Any] = field(default_factory=dict)
    more: dict[str, dict[str, Any]] = field(default_factory=dict)
    image: str = ""
    _numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1001))
    _bad: dict[str, Behaviour] = field(default_factory=dict)

    def configure(self, **variables: Any) -> None:
        """Set variables of the service."""
        self.variables.update(variables)
        self.write()

    def change(self) -> None:
        """Let the next deploy bring another configuration."""
        self.configure(MAX_REQUESTS=next(self._numbers))

    def change_image(self, *platforms: str) -> None:
        """Let the next deploy bring another image that is named."""
        self.image = self.fake.registry.push(NAME, f"image {next(self._numbers)}", *(platforms or ("linux/amd64",)))
        self.write()

    def rotate_secret(self) -> None:
        """Give the service another key."""
        self.secrets["API_KEYS"] = f"key-of-the-tests-{next(self._numbers)}"
        self.write()

    def write(self, machine: str = "own") -> Path:
        """Write settings and secrets of an operator's machine, and return the path of the settings."""
        home = self.home / machine
        home.mkdir(exist_ok=True, mode=0o700)
        sections: dict[str, Mapping[str, Any]] = {
            "local": {"state_dir": str(home / "state")},
            "service": {"source": str(self.source)},
            "service.environment": self.variables,
            "service.secrets": {**{name: f"env:{name}" for name in self.secrets}, **self.references},
            "ecs": {**self._ecs(), **self.ecs},
            **self.more,
        }
        lines = [f'name = "{NAME}"', 'target = "ecs"']
        for section, keys in sections.items():
            lines += [f"[{section}]", *(f"{name} = {json.dumps(value)}" for name, value in keys.items())]
        (home / "decodeat-ops.toml").write_text("\n".join(lines) + "\n")
        secrets = home / "decodeat-ops.env"
        secrets.touch(mode=0o600)
        secrets.write_text("".join(f"{name}={value}\n" for name, value in self.secrets.items()))
        return home / "decodeat-ops.toml"

    def _ecs(self) -> dict[str, Any]:
        named = {"image": self.image} if self.pinned else {}
        return {
            **named,
            "account": self.fake.account.id,
            "region": self.fake.account.region,
            "endpoint": self.fake.url,
            "subnets": self.network.subnets,
            "security_groups": self.network.groups,
            "target_group": self.network.blue.arn,
            "address": self.side.url,
            "cpu": 256,
            "memory": 512,
            "keep_revisions": 3,
            "deploy_minutes": 3.0,
        }

    def shifting(self, strategy: str, **ecs: Any) -> None:
        """Let ECS shift traffic between the two target groups."""
        role(self.fake, "infrastructure", trusting("ecs.amazonaws.com"))
        self.ecs |= {
            "strategy": strategy,
            "green_target_group": self.network.green.arn,
            "listener_rule": self.network.production_rule,
            "test_listener_rule": self.network.test_rule,
            "infrastructure_role": "infrastructure",
            **ecs,
        }
        self.write()

    def behaves(self, named: str, behaviour: Behaviour) -> None:
        """Let releases with the variable LOG_LEVEL of this value behave so; all others are good."""
        self._bad[named] = behaviour
        self.fake.ecs.behaves = self._behaviour

    def _behaviour(self, document: Document) -> Behaviour:
        return self._bad.get(environment(document).get("LOG_LEVEL", ""), Behaviour())

    def spoil(self, behaviour: Behaviour) -> None:
        """Let the next deploy bring a release that behaves so."""
        self.behaves("DEBUG", behaviour)
        self.configure(LOG_LEVEL="DEBUG")

    def repair(self) -> None:
        """Let the next deploy bring a good release again."""
        self.configure(LOG_LEVEL="INFO")
        self.change()
