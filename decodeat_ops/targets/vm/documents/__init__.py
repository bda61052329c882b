"""Render what virtual machines are given: variables, Compose files, nginx's files; no secret is in any of them."""

from decodeat_ops.targets.vm.documents.edge import NGINX, generation
from decodeat_ops.targets.vm.documents.files import LATER, files, fingerprint
from decodeat_ops.targets.vm.documents.passwords import of_edge, of_service
from decodeat_ops.targets.vm.documents.problems import problems
from decodeat_ops.targets.vm.documents.service import Timeouts, secret_names, timeouts, variables

__all__ = [
    "LATER",
    "NGINX",
    "Timeouts",
    "files",
    "fingerprint",
    "generation",
    "of_edge",
    "of_service",
    "problems",
    "secret_names",
    "timeouts",
    "variables",
]
