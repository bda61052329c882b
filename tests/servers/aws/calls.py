"""Record every call that reaches the fake."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

READS = ("Describe", "List", "Get", "Simulate", "BatchGet", "BatchCheck", "Filter")


@dataclass
class Call:
    """Describe one call: "ecs:UpdateService", who made it, and how it ended ("" when it was answered)."""

    name: str
    params: dict[str, Any]
    caller: str
    error: str = ""

    @property
    def operation(self) -> str:
        return self.name.partition(":")[2]

    @property
    def write(self) -> bool:
        """Return whether it changes the platform; temporary credentials and a session in a container don't."""
        return not self.operation.startswith(READS) and self.operation not in {"AssumeRole", "ExecuteCommand"}


@dataclass
class Calls:
    """Keep all calls in order."""

    made: list[Call] = field(default_factory=list)

    @property
    def writes(self) -> list[Call]:
        """Return the calls that changed something: those that were carried out, answered or not."""
        return [call for call in self.made if call.write and call.error in {"", "Cut"}]

    @property
    def reads(self) -> list[Call]:
        return [call for call in self.made if not call.write]

    def of(self, name: str) -> list[Call]:
        """Return the calls of one operation, such as "ecs:UpdateService"."""
        return [call for call in self.made if call.name == name]

    def count(self) -> Counter[str]:
        return Counter(call.name for call in self.made)

    def forget(self) -> None:
        """Begin to count anew."""
        self.made.clear()
