"""Describe a release on virtual machines; its record lies with it on each of them."""

import json
from dataclasses import dataclass, field, fields

from decodeat_ops.core.release import Release


@dataclass(frozen=True)
class VmRelease(Release):
    """Add the image: repository@sha256:... where a registry has it, else sha256:..., the image's id in the engine.

    `knows` are the ids of the migrations that its code knows, `irreversible` those of them that can't be taken back,
    both with a space between; "" when the image was not built here. `edge` is the generation of nginx's files and
    `beside` a digest of the Compose file of what stands beside the colours, "" where they are not known. `served`:
    clients have reached it, and the gate after that let it pass.
    """

    image: str = field(kw_only=True, default="")
    knows: str = field(kw_only=True, default="")
    irreversible: str = field(kw_only=True, default="")
    edge: str = field(kw_only=True, default="")
    beside: str = field(kw_only=True, default="")
    served: bool = field(kw_only=True, default=False)


def from_record(text: str) -> VmRelease:
    """Rebuild a release from its release.json. Raises TypeError or ValueError when that is damaged."""
    told = json.loads(text)
    if not isinstance(told, dict):
        raise TypeError("it holds no record")
    names = {one.name for one in fields(VmRelease)}
    return VmRelease(**{name: value for name, value in told.items() if name in names})
