"""Refuse a call as AWS does: with one of its codes and its words."""

from typing import Any

Params = dict[str, Any]
Answer = dict[str, Any]


class Refused(Exception):
    """Hold what AWS answers instead of a result."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status


class Cut(Exception):
    """Cut the connection instead of an answer."""


def invalid(message: str) -> Refused:
    """Return the refusal that ECS, ECR, Secrets Manager and Logs have for a parameter."""
    return Refused("InvalidParameterException", message)


def client(message: str) -> Refused:
    """Return the refusal that ECS has for what is not there or not usable."""
    return Refused("ClientException", message)
