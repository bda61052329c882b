"""Play AWS over HTTP for the real SDK: strict in what it takes, and true in what it gives.

`with aws() as fake:` serves an account at `fake.url`. Requests are held against botocore's own models, the caller's
policies and the rules of each service; answers are held against the models too.
"""

from tests.servers.aws.public import Public, public
from tests.servers.aws.server import aws

__all__ = ["Public", "aws", "public"]
