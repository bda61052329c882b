"""Define the tree of commands by names and places; a command is imported when it is needed."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

import typer

from decodeat_ops.cli.help import Command, Group


@dataclass(frozen=True)
class Branch:
    """Describe a command with commands below it; `alone` is what runs without one of them, by default its help."""

    help: str
    commands: Mapping[str, str]
    alone: str = "grouping:nothing"


SET_UP, IMAGE, CHANGE, LOOK, KEEP = "Set up", "The image", "Change what serves", "Look", "Keep safe"

TREE: dict[str, tuple[str, str | Branch]] = {
    "init": (SET_UP, "setup:init"),
    "config": (SET_UP, Branch("Settings in force and where they come from.", {"show": "setup:config_show"})),
    "bootstrap": (SET_UP, "bootstrap:bootstrap"),
    "firewall": (
        SET_UP,
        Branch(
            "What the machines let in: only with --target vm.",
            {"plan": "firewall:plan", "apply": "firewall:apply", "status": "firewall:status"},
        ),
    ),
    "cert": (
        SET_UP,
        Branch(
            "The certificate that clients see: only with --target vm.",
            {
                "issue": "certificates:issue",
                "renew": "certificates:renew",
                "status": "certificates:status",
                "install": "certificates:install",
            },
        ),
    ),
    "render": (SET_UP, "setup:render"),
    "doctor": (SET_UP, "checking:doctor"),
    "version": (SET_UP, "setup:version"),
    "build": (IMAGE, "images:build"),
    "push": (IMAGE, "images:push"),
    "deploy": (CHANGE, "changing:deploy"),
    "rollback": (CHANGE, "changing:rollback"),
    "resume": (CHANGE, "changing:resume"),
    "start": (CHANGE, "changing:start"),
    "stop": (CHANGE, "changing:stop"),
    "restart": (CHANGE, "changing:restart"),
    "maintenance": (CHANGE, "changing:maintenance"),
    "prune": (CHANGE, "changing:prune"),
    "scale": (CHANGE, "changing:scale"),
    "remove": (CHANGE, "changing:remove"),
    "status": (LOOK, "looking:status"),
    "releases": (LOOK, "looking:releases"),
    "logs": (LOOK, "logs:logs"),
    "exec": (LOOK, "executing:run_inside"),
    "check": (LOOK, "checking:check"),
    "checklist": (
        LOOK,
        Branch(
            "Walk through the checklist before or after a deploy.",
            {
                "pre-deploy": "checking:pre_deploy",
                "post-deploy": "checking:post_deploy",
                "records": "checking:records",
                "verify": "checking:verify",
            },
        ),
    ),
    "lock": (
        LOOK,
        Branch(
            "Who is changing this deployment right now.", {"status": "locking:status", "release": "locking:release"}
        ),
    ),
    "backup": (
        KEEP,
        Branch(
            "Back up now; list and verify archives.",
            {"list": "backups:archives", "verify": "backups:verify"},
            alone="backups:backup",
        ),
    ),
    "restore": (KEEP, "backups:restore"),
}


def known(words: Sequence[str]) -> str:
    """Return the longest command that these words begin with, "" when they name none."""
    if not words or words[0] not in TREE:
        return ""
    node = TREE[words[0]][1]
    if isinstance(node, Branch) and len(words) > 1 and words[1] in node.commands:
        return f"{words[0]} {words[1]}"
    return words[0]


def root() -> Any:
    """Build the program as the parser's command object."""
    app = _typer(grouping("grouping:program"), "Deploy, check, back up and restore the decodeat analysis service.")
    built: Any = typer.main.get_command(app)
    built.commands = Lazy({name: (panel, node) for name, (panel, node) in TREE.items()})
    return built


def grouping(place: str) -> Callable[..., Any]:
    module, _, name = place.partition(":")
    found: Callable[..., Any] = getattr(import_module(f"decodeat_ops.cli.{module}"), name)
    return found


def _typer(callback: Callable[..., Any], text: str, *, completion: bool = True) -> typer.Typer:
    app = typer.Typer(
        cls=Group,
        add_completion=completion,
        context_settings={"help_option_names": ["-h", "--help"]},  # commands below inherit it
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        invoke_without_command=True,
        help=text,
        epilog=getattr(callback, "examples", ""),
    )
    app.callback(invoke_without_command=True)(callback)
    return app


@dataclass
class Lazy(Mapping[str, Any]):
    """Map names to commands, each built when it is first asked for; listing the names builds none."""

    table: Mapping[str, tuple[str, str | Branch]]
    made: dict[str, Any] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Any:
        if name not in self.made:
            panel, node = self.table[name]
            self.made[name] = _branch(name, panel, node) if isinstance(node, Branch) else _leaf(name, panel, node)
        return self.made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.table)

    def __len__(self) -> int:
        return len(self.table)


def _leaf(name: str, panel: str, place: str) -> Any:
    function = grouping(place)
    app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    app.command(name, cls=Command, epilog=getattr(function, "examples", ""), rich_help_panel=panel)(function)
    return typer.main.get_command(app)


def _branch(name: str, panel: str, node: Branch) -> Any:
    built: Any = typer.main.get_command(_typer(grouping(node.alone), node.help, completion=False))
    built.name, built.rich_help_panel = name, panel
    built.commands = Lazy({below: ("Commands", place) for below, place in node.commands.items()})
    return built
