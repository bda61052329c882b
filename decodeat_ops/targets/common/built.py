"""Say what a deploy would bring where releases are images: the recipe, and what the registry has of it already."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from decodeat_ops.core.image import Recipe, RemoteImage
from decodeat_ops.core.target import Origin, Steps
from decodeat_ops.deployment import image
from decodeat_ops.operations.image import Wanted, steps
from decodeat_ops.settings.schema import Loaded

if TYPE_CHECKING:
    from decodeat_ops.core.image import Images

_RECIPE = "recipe"  # what the image would be made of, as `read` found it
_THERE, _BUILT = "image there", "image built"  # what a look remembers for the steps


class Here(Protocol):
    """Hold what the place of every such target has. `remembered` lives as long as one command."""

    @property
    def loaded(self) -> Loaded: ...
    @property
    def images(self) -> "Callable[[], Images]": ...
    @property
    def remembered(self) -> dict[Any, Any]: ...


def read(here: Here, repository: str) -> Wanted:
    """Read the code here, and return the image that would be built of it; see `wanted`."""
    here.remembered[_RECIPE] = image.read(here.loaded)
    return wanted(here, repository)


def wanted(here: Here, repository: str) -> Wanted:
    """Return the image that would be built for a repository, of the code that was read last: a plan is of one code."""
    return Wanted(_recipe(here), repository, here.loaded.settings.image.build_network)


def _recipe(here: Here) -> Recipe:
    found: Recipe | None = here.remembered.get(_RECIPE)
    return found or image.read(here.loaded)


def made_of(recipe: Recipe) -> Mapping[str, str]:
    """Return what decides on an image beside its code and lock, for a release's fingerprint."""
    return {"base": recipe.base, "dockerfile": recipe.dockerfile, "platform": recipe.platform}


def require_clean(here: Here, origin: Origin) -> tuple[str, ...]:
    """Refuse an image for production of code that differs from its commit, by `GateFailed`. Nothing else is wrong."""
    if origin.package:
        image.require_clean(_recipe(here), here.loaded, allowed=False)
    return ()


def look(here: Here, asked: Wanted) -> tuple[str, ...]:
    """Ask the registry for the image that would be built, remember the answer, and return what is wrong with it.

    Raises what kept it from being asked for: `Unreachable` without an engine or a registry.
    """
    images = here.images()
    there = images.remote(asked.reference)
    here.remembered[_THERE] = asked.reference.at(there.digest) if there else ""
    here.remembered[_BUILT] = there is None and images.has(asked.reference)
    return _unfit(asked, there)


def _unfit(asked: Wanted, there: RemoteImage | None) -> tuple[str, ...]:
    if there is None or there.runs_on(asked.recipe.platform):
        return ()
    made = ", ".join(sorted(there.platforms))
    return (f"{asked.reference} is there for {made}, not for {asked.recipe.platform}: somebody else pushed it",)


def image_there(here: Here) -> str:
    """Return the image by digest that `look` found in the registry, "" when it has to be pushed first."""
    return str(here.remembered.get(_THERE, ""))


def to_registry(here: Here, asked: Wanted) -> Steps:
    """Return the steps that bring the image to the registry, none when `look` found it there."""
    return () if image_there(here) else steps(asked, built=bool(here.remembered.get(_BUILT)))
