"""Contents of files of Google credentials, one of each type that the service takes."""

import json
from functools import cache
from typing import Any

from tests.servers.google_account import Account, account

# An audience of a workforce pool: for a project's number, google.auth would ask Google for the project's name.
AUDIENCE = "//iam.googleapis.com/locations/global/workforcePools/labels/providers/cluster"
STS = "https://sts.googleapis.com/v1/token"
IMPERSONATED = "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/r@labels.kr:generateAccessToken"
USER = {"client_id": "id-0001", "client_secret": "client-0001", "refresh_token": "refresh-0001"}


@cache
def made() -> Account:
    """Return an account; its key is made once, for it takes a while."""
    return account()


def content(kind: str) -> dict[str, Any]:
    """Return a content of this type with which nothing is wrong."""
    if kind == "service_account":
        return dict(made().key)
    if kind == "impersonated_service_account":
        source = {"type": "authorized_user", **USER}
        return {"type": kind, "service_account_impersonation_url": IMPERSONATED, "source_credentials": source}
    if kind == "external_account":
        token = {"subject_token_type": "urn:ietf:params:oauth:token-type:jwt", "token_url": STS}
        return {"type": kind, "audience": AUDIENCE, **token, "credential_source": {"file": "/run/token"}}
    return {"type": kind, **USER, **({"token_url": STS} if kind == "external_account_authorized_user" else {})}


def written(kind: str, **changed: Any) -> str:
    """Return it as it stands in a variable; a field that is given as None is left out."""
    fields = content(kind) | changed
    return json.dumps({name: value for name, value in fields.items() if value is not None})
