"""Open the real SDK for an account that is played."""

from functools import cache
from typing import Any

import boto3
from botocore.config import Config

from tests.servers.aws.fake import Aws
from tests.servers.aws.identity import KEY, SECRET


def client(fake: Aws, service: str, *, key: str = KEY, token: str = "", attempts: int = 1) -> Any:
    """Return a client of the SDK that calls `fake` with an access key, `attempts` times at most."""
    retries = Config(retries={"mode": "standard", "total_max_attempts": attempts})
    return _session(key, token, fake.account.region).client(service, endpoint_url=fake.url, config=retries)


@cache
def _session(key: str, token: str, region: str) -> boto3.Session:
    """Return a session that other tests use too: parsing the models of services takes longer than calling them."""
    return boto3.Session(
        aws_access_key_id=key, aws_secret_access_key=SECRET, aws_session_token=token or None, region_name=region
    )
