"""Define the commands build and push."""

from typing import Annotated

import typer

from decodeat_ops.cli.command import command
from decodeat_ops.cli.run import Run
from decodeat_ops.core.outcome import Outcome

_AllowDirty = Annotated[
    bool, typer.Option("--allow-dirty", help="For production, too: the code differs from its commit.")
]


@command(
    changes=True,
    examples=(
        "decodeat-ops build --dry-run     what it would be made of",
        "decodeat-ops build               in the Docker engine that DOCKER_HOST names",
        "decodeat-ops build --env staging --yes",
    ),
)
def build(run: Run, allow_dirty: _AllowDirty = False) -> Outcome:
    """Build the container image in the Docker engine.

    Its tag is made of the code, the dependency lock, the Dockerfile, the base and the platform: when the engine has it,
    nothing is done. Code that differs from its commit is told, and refused for production.
    """
    from decodeat_ops.application import images
    from decodeat_ops.application.targets import open_desk
    from decodeat_ops.cli.asking import change

    loaded = run.loaded()
    how = change(run, "build")
    return images.build(open_desk(loaded, secrets={}), how, allow_dirty=allow_dirty)


@command(
    changes=True,
    examples=(
        "decodeat-ops push --dry-run     what would be built and sent",
        "decodeat-ops push               to image.repository",
        "decodeat-ops push --yes --json  for scripts: data.reference is what to deploy",
    ),
)
def push(run: Run, allow_dirty: _AllowDirty = False) -> Outcome:
    """Send the image to its registry, built if need be.

    When the registry has the tag, nothing is built or sent. Layers that it has are not sent again. The answer names the
    image by its digest, which is what to deploy.
    """
    from decodeat_ops.application import images
    from decodeat_ops.application.targets import open_desk
    from decodeat_ops.cli.asking import change

    loaded = run.loaded()
    how = change(run, "push")
    return images.push(open_desk(loaded, secrets={}), how, allow_dirty=allow_dirty)
