"""Know one account in one region: its names of resources, its clock, its random-looking ids."""

import hashlib
import itertools
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta


@dataclass
class Account:
    """Hold what every service of an account shares."""

    id: str = "111122223333"
    region: str = "ap-northeast-2"
    passed: timedelta = timedelta()
    _numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    @property
    def partition(self) -> str:
        return "aws-cn" if self.region.startswith("cn-") else "aws"

    def arn(self, service: str, resource: str) -> str:
        """Return the ARN of a resource of this account and region."""
        region = "" if service in {"iam", "sts"} else self.region
        return f"arn:{self.partition}:{service}:{region}:{self.id}:{resource}"

    def now(self) -> datetime:
        """Return the time of all records; `pass_time` sets it ahead."""
        return datetime.now(UTC) + self.passed

    def milliseconds(self) -> int:
        """Return the same time as CloudWatch Logs counts it."""
        return int(self.now().timestamp() * 1000)

    def pass_time(self, seconds: float) -> None:
        """Let time pass for all records."""
        self.passed += timedelta(seconds=seconds)

    def unique(self, length: int = 32) -> str:
        """Return a hexadecimal id that no other call returned."""
        return hashlib.sha256(f"{self.id}{self.region}{next(self._numbers)}".encode()).hexdigest()[:length]

    def number(self) -> str:
        """Return an id of 19 digits that no other call returned, as ECS names deployments."""
        return str(10**18 + int(self.unique(15), 16) % (8 * 10**18))
