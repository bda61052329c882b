"""Translate the errors of AWS's SDK into ours: refused, no credentials, or no answer."""

import re
from dataclasses import dataclass

from botocore import exceptions as sdk
from botocore.parsers import ResponseParserError

from decodeat_ops.core.aws import DENIED, AwsRefused
from decodeat_ops.core.errors import Configuration, Lost, OpsError

EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"})
UNKNOWN = frozenset(
    {
        "AuthFailure", "IncompleteSignature", "InvalidAccessKeyId", "InvalidClientTokenId", "InvalidSignatureException",
        "InvalidToken", "MissingAuthenticationToken", "MissingAuthenticationTokenException", "RequestTimeTooSkewed",
        "SignatureDoesNotMatch", "UnrecognizedClientException",
    }
)  # fmt: skip
THROTTLED = frozenset(
    {
        "EC2ThrottledException", "PriorRequestNotComplete", "RequestLimitExceeded", "RequestThrottled",
        "RequestThrottledException", "SlowDown", "ThrottledException", "Throttling", "ThrottlingException",
        "TooManyRequestsException",
    }
)  # fmt: skip
_NO_CREDENTIALS = (
    sdk.NoCredentialsError, sdk.PartialCredentialsError, sdk.CredentialRetrievalError, sdk.ProfileNotFound,
    sdk.NoAuthTokenError, sdk.TokenRetrievalError, sdk.SSOError, sdk.LoginError, sdk.MetadataRetrievalError,
    sdk.RefreshWithMFAUnsupportedError, sdk.UnknownCredentialError, sdk.ConfigNotFound, sdk.ConfigParseError,
    sdk.InfiniteLoopConfigError, sdk.InvalidConfigError,
)  # fmt: skip
_NO_PLACE = (
    sdk.NoRegionError, sdk.InvalidRegionError, sdk.EndpointProviderError, sdk.UnknownEndpointError,
    sdk.BaseEndpointResolverError,
)  # fmt: skip
_NO_ANSWER = (
    sdk.ConnectionError, sdk.HTTPClientError, sdk.IncompleteReadError, sdk.PaginationError, sdk.ChecksumError,
    ResponseParserError,
)  # fmt: skip
ERRORS = (sdk.BotoCoreError, sdk.ClientError, ResponseParserError)  # all that the SDK raises
_READS = re.compile(r"(BatchCheck|BatchGet|Describe|Filter|Get|List|Lookup|Simulate)[A-Z]")
_SIGN_IN = "Sign in again (such as `aws sso login`) or renew the keys"


@dataclass(frozen=True)
class Asked:
    """Describe a call. `answered` says whether AWS accepted the credentials before, in the same process."""

    service: str
    operation: str
    answered: bool = False
    role: str = ""
    profile: str = ""

    @property
    def name(self) -> str:
        return f"{self.service}:{self.operation}"

    @property
    def state(self) -> str:
        return "Nothing was changed." if reads(self.operation) else "Whether it was done is unknown."


def reads(operation: str) -> bool:
    """Return whether an operation changes nothing."""
    return _READS.match(operation) is not None


def translated(error: Exception, asked: Asked) -> OpsError:
    """Return our error for one of the SDK."""
    if isinstance(error, sdk.ClientError):
        return _answer(error, asked)
    if isinstance(error, _NO_CREDENTIALS):
        return _unsigned(_plain(error), asked)
    if isinstance(error, _NO_PLACE):
        return Configuration(
            f"The SDK finds no address for {asked.name}: {_plain(error)}.",
            hint="Check ecs.region and ecs.endpoint.",
            where="ecs.region",
        )
    if isinstance(error, _NO_ANSWER):
        return _lost(_plain(error), asked, "Check the network between here and AWS.")
    if isinstance(error, sdk.ParamValidationError):
        return AwsRefused(asked.name, "ParamValidation", _without_values(str(error)))
    return AwsRefused(asked.name, type(error).__name__, _plain(error))


def _answer(error: sdk.ClientError, asked: Asked) -> OpsError:
    told = error.response.get("Error", {})
    code, message = str(told.get("Code", "")), _message(str(told.get("Message", "")))
    if code in EXPIRED:
        return _unsigned(f"the credentials have expired ({code})", asked)
    if code in UNKNOWN:
        return _unsigned(f"AWS does not accept the credentials: {message} ({code})", asked)
    if error.operation_name != asked.operation:  # the SDK itself asked, for credentials
        what = f"the role {asked.role} can't be assumed" if asked.role else f"{error.operation_name} gives none"
        return _unsigned(f"{what}: {message} ({code})", asked)
    if code in THROTTLED:
        return _lost(f"AWS throttles it, after all retries too ({code})", asked, "Wait a minute.")
    if _failed(int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))):
        return _lost(f"AWS had an error of its own, after all retries too: {message} ({code})", asked, "Wait a minute.")
    hint = (
        f"Allow {asked.name} to whoever runs this. What each command needs is in docs/policies in the source, in "
        "decodeat_ops/policies where it is installed."
    )
    return AwsRefused(asked.name, code, message, hint=hint if code in DENIED else "")


def _failed(status: int) -> bool:
    """Return whether a server broke down; 501 is a refusal: it does not know the operation."""
    return status >= 500 and status != 501


def _unsigned(why: str, asked: Asked) -> OpsError:
    """Return the error for credentials that there are not, or are no more.

    Once AWS has accepted them, a change may be under way: it can neither go on nor be undone without them.
    """
    if asked.answered:
        return _lost(f"{why}; it goes on with new ones", asked, f"{_SIGN_IN}.")
    named = f" of the profile {asked.profile}" if asked.profile else ""
    return Configuration(
        f"There are no credentials{named} for AWS: {why}.",
        hint=f"{_SIGN_IN}; check ecs.profile, ecs.role and this machine's clock.",
        where="ecs.profile" if asked.profile else "ecs.role" if asked.role else "",
    )


def _lost(why: str, asked: Asked, hint: str) -> Lost:
    return Lost(f"{asked.name} got no answer: {why}.", state=asked.state, hint=hint)


def _plain(error: Exception) -> str:
    return str(error).rstrip(".") or type(error).__name__


def _message(text: str) -> str:
    """Return AWS's sentence without the kilobytes of an encoded authorization message and without its full stop."""
    return text.partition(" Encoded authorization failure message")[0].strip().rstrip(".") or "no reason given"


def _without_values(report: str) -> str:
    """Return what is wrong with a call's parameters without their values, one of which may be secret."""
    lines = [re.sub(r", value: .*?(?=, (?:type|valid)|$)", "", line.strip()) for line in report.splitlines()]
    return " ".join(lines).rstrip(".")
