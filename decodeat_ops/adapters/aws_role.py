"""Take on a role, and take it on anew before its credentials expire."""

from functools import partial
from typing import Any

import botocore.session
from botocore.credentials import AssumeRoleCredentialFetcher, CredentialResolver, DeferredRefreshableCredentials
from botocore.exceptions import NoCredentialsError

SESSION = "decodeat-ops"  # the name that CloudTrail shows beside the role's


def assumed(source: Any, role: str, region: str, endpoint: str | None, config: Any) -> Any:
    """Return a session that acts as a role, which the credentials of `source` are allowed to assume."""
    session = botocore.session.Session(profile=source.get_config_variable("profile"))
    session.register_component(
        "credential_provider", CredentialResolver([_Role(source, role, region, endpoint, config)])
    )
    return session


class _Role:
    """Provide the role's credentials to the SDK, which asks for them when it first needs some."""

    METHOD = "assume-role"
    CANONICAL_NAME = None

    def __init__(self, source: Any, role: str, region: str, endpoint: str | None, config: Any) -> None:
        self._source = source
        self._role = role
        self._create = partial(source.create_client, region_name=region, endpoint_url=endpoint, config=config)

    def load(self) -> Any:
        own = self._source.get_credentials()
        if own is None:
            raise NoCredentialsError()
        fetcher = AssumeRoleCredentialFetcher(self._create, own, self._role, extra_args={"RoleSessionName": SESSION})
        return DeferredRefreshableCredentials(refresh_using=fetcher.fetch_credentials, method=self.METHOD)
