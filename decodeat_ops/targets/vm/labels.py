"""Name the labels that this tool puts on its containers, by which it knows them again."""

DEPLOYMENT = "decodeat-ops.deployment"  # on all of them: whose it is
RELEASE = "decodeat-ops.release"  # on a colour: the release that it runs
SECRETS = "decodeat-ops.secrets"  # on a colour: the digest of the secrets that it was started with
