"""Define the port to AWS: one call, its pages, and how a refusal is told from an answer that never came."""

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from decodeat_ops.core.errors import StepFailed

Answer = Mapping[str, Any]
DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "NotAuthorized"})


class AwsRefused(StepFailed):
    """Report that AWS answered a call with an error. `error` is AWS's own code, `operation` is "ecs:UpdateService"."""

    def __init__(self, operation: str, error: str, message: str, *, hint: str = "") -> None:
        super().__init__(f"AWS refused {operation}: {message} ({error}).", hint=hint)
        self.operation = operation
        self.error = error
        self.message = message

    @property
    def denied(self) -> bool:
        """Return whether a permission is missing."""
        return self.error in DENIED


class Aws(Protocol):
    """Call AWS in one account and region."""

    @property
    def region(self) -> str:
        """Return the region of all calls."""
        ...

    def call(self, service: str, operation: str, /, **params: Any) -> Answer:
        """Call an operation by its name in AWS's API, such as call("ecs", "UpdateService", cluster="a").

        Throttled calls are repeated with the SDK's adaptive retries. Raises `AwsRefused` when AWS answers with an
        error, and `Lost` when no answer came, the credentials have expired, or it is still throttled after all retries.
        """
        ...

    def pages(self, service: str, operation: str, key: str, /, **params: Any) -> Iterator[Any]:
        """Yield what all pages of a list hold under `key`; a page may be empty and not the last. Raises like `call`."""
        ...
