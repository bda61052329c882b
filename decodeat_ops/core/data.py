"""Define what outlives releases: data, the schema that it has, and the backups of it."""

from pathlib import Path
from typing import Protocol, TypeVar

from decodeat_ops.core.migration import Migration, Revision
from decodeat_ops.core.release import Release
from decodeat_ops.core.target import Steps

R_contra = TypeVar("R_contra", bound=Release, contravariant=True)


class Data(Protocol[R_contra]):
    """Answer for the data of a deployment. `None` as a release stands for the code that a deploy would bring."""

    @property
    def keeper(self) -> str:
        """Return what holds and backs up the data, for people; "" when this tool does, and only then it can restore."""
        ...

    @property
    def archives(self) -> Path:
        """Return the directory of archives."""
        ...

    def revision(self, data: str) -> str:
        """Return the revision of a data generation, "" when it holds nothing. Raises `Configuration` if unreadable."""
        ...

    def knows(self, release: R_contra | None) -> frozenset[str]:
        """Return the ids of the migrations that a release's code knows. It is cheap."""
        ...

    def known(self, release: R_contra | None) -> tuple[Revision, ...]:
        """Return the same migrations as that code itself describes them, oldest first."""
        ...

    def place(self, data: str) -> str:
        """Return where a data generation is, for people."""
        ...

    def room(self) -> int:
        """Return how many bytes an unpacked archive may take."""
        ...

    def require_room_to_save(self, release: R_contra | None, before: str = "") -> None:
        """Raise `GateFailed` when there is no room to back up a release, None for data that none serves.

        `before` names for people the change that needs the backup, "" when it is the operator's own.
        """
        ...

    def require_room_to_restore(self, release: R_contra | None, size: int, before: R_contra | None) -> None:
        """Raise `GateFailed` when there is no room for an archive of that size, unpacked.

        `release` is what is made of it, and `before` what is backed up first.
        """
        ...

    def save(self, release: R_contra, snapshot: str, prefix: str = "", *, stays: bool = False) -> Steps:
        """Return the steps of a backup. `prefix` begins their ids where it is part of another change.

        With `stays` an undo keeps a complete archive, which may be the way back.
        """
        ...

    def migrate(self, release: R_contra, migration: Migration) -> Steps:
        """Return the step that brings the data, which the release takes over, to its schema; none without data."""
        ...

    def lay_out(self, release: R_contra, place: str, serving: str) -> Steps:
        """Return the steps that make the unpacked archive's data the release's own; `serving` is today's data."""
        ...

    def carry(self, release: R_contra, serving: R_contra | None, data: str, snapshot: str) -> Steps:
        """Return the steps that copy results stored since that backup into the release's data, after the commit.

        They come from today's `data`; `serving` is the release that still stores some.
        """
        ...
