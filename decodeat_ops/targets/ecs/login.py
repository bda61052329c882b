"""Log in to ECR with passwords that AWS makes, and to any other registry as the settings say."""

import base64
import binascii
from dataclasses import dataclass, field

from decodeat_ops.core.aws import Aws, AwsRefused
from decodeat_ops.core.clock import Clock
from decodeat_ops.core.errors import Configuration
from decodeat_ops.core.image import Login, Logins
from decodeat_ops.core.secret import Secret
from decodeat_ops.targets.ecs.names import in_ecr

SECONDS = 3600.0  # a password is asked for anew after that; AWS's are good for twelve hours


@dataclass
class EcrLogins:
    """Give the logins of ECR's registries in one region; `others` knows all others."""

    aws: Aws
    others: Logins
    clock: Clock
    _known: tuple[float, Login] | None = field(default=None, repr=False)

    def __call__(self, registry: str) -> Login | None:
        """Return the login of a registry. Raises `Configuration` when AWS makes none."""
        found = in_ecr(f"{registry}/any")
        if found is None or found.region != self.aws.region:
            return self.others(registry)
        now = self.clock.now()
        if self._known is None or now - self._known[0] > SECONDS:
            self._known = now, self._made(registry)
        return self._known[1]

    def _made(self, registry: str) -> Login:
        try:
            told = self.aws.call("ecr", "GetAuthorizationToken")
            token = told["authorizationData"][0]["authorizationToken"]
            user, _, password = base64.b64decode(token, validate=True).decode().partition(":")
        except AwsRefused as error:
            raise Configuration(
                f"AWS makes no password for {registry}: {error.message} ({error.error}).",
                hint="Allow ecr:GetAuthorizationToken to whoever runs this, as operator-deploy.json does: it is in "
                "docs/policies in the source, in decodeat_ops/policies where it is installed.",
                where="image.repository",
            ) from error
        except (LookupError, binascii.Error, UnicodeDecodeError):
            # The cause is left out: it may hold the password.
            raise Configuration(
                f"AWS made no password for {registry} that can be read.", where="image.repository"
            ) from None
        return Login(user, Secret(password))
