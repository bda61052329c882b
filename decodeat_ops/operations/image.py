"""Plan how an image is built and sent to a registry; a deploy that needs one has the same steps in it."""

from dataclasses import asdict, dataclass

from decodeat_ops.core.image import Recipe, Reference
from decodeat_ops.core.plan import Action, Plan, Step
from decodeat_ops.core.target import Facts, Steps

BUILD, PUSH = "image-build", "image-push"


@dataclass(frozen=True)
class Wanted:
    """Hold what is wanted: an image of this recipe in this repository. `network` is that of the build's commands."""

    recipe: Recipe
    repository: str
    network: str = ""

    @property
    def reference(self) -> Reference:
        return Reference(self.repository, self.recipe.tag)


def build_step(wanted: Wanted) -> Step:
    """Return the step that builds the image in the engine, unless it is there; its undo takes the tag away again."""
    recipe, reference = wanted.recipe, wanted.reference
    named = {"repository": reference.repository, "tag": reference.tag}
    return Step(
        id=BUILD,
        title=f"Build the image for {recipe.platform}",
        do=Action(BUILD, {**named, "recipe": asdict(recipe), "network": wanted.network}),
        undo=Action("image-forget", named),
        produces=("built",),
        preview=(
            f"from {recipe.base}",
            *(f"argument {name}={value}" for name, value in recipe.arguments.items() if name != "PYTHON_IMAGE"),
            *(f"label {name}={value}" for name, value in recipe.labels.items()),
        ),
    )


def push_step(wanted: Wanted) -> Step:
    """Return the step that sends the image to its registry, unless it is there. Later steps deploy by its `digest`."""
    reference = wanted.reference
    return Step(
        id=PUSH,
        title=f"Push it to {reference.registry}",
        do=Action(
            PUSH,
            {"repository": reference.repository, "tag": reference.tag, "platform": wanted.recipe.platform},
        ),
        produces=("digest", "reference"),
        preview=(
            f"{reference}, whose layers are sent that the registry lacks",
            "nothing takes it back: the tag names its content, and what serves is not touched by it",
        ),
    )


def steps(wanted: Wanted, *, built: bool) -> Steps:
    """Return the steps that bring an image to a registry that lacks it; `built` says that the engine has it."""
    return (*(() if built else (build_step(wanted),)), push_step(wanted))


def plan_build(wanted: Wanted, deployment: str) -> Plan:
    """Return the plan to build an image that the engine lacks."""
    return Plan("build", deployment, str(wanted.reference), (build_step(wanted),), facts(wanted))


def plan_push(wanted: Wanted, deployment: str, *, built: bool) -> Plan:
    """Return the plan to bring an image to a registry that lacks it; `built` says that the engine has it."""
    return Plan("push", deployment, str(wanted.reference), steps(wanted, built=built), facts(wanted))


def facts(wanted: Wanted) -> Facts:
    """Return for people what the image would be made of."""
    recipe = wanted.recipe
    says = f"{recipe.revision}: the files differ from the commit" if recipe.dirty else recipe.revision
    return (
        ("platform", recipe.platform),
        ("built on", recipe.base),
        ("revision", says or "unknown: git does not track the code"),
    )
