"""Translate what the engine's SDK raises, and say how long an engine is waited for."""

import contextlib
import json
from collections.abc import Iterator

import docker
import docker.errors
import requests

from decodeat_ops.core.errors import StepFailed, Unreachable

ANSWER = 60.0  # seconds that the engine may take to answer; a look at a registry is among its answers
SILENCE = 900.0  # seconds without any word of a build, a pull or a push, after which it is given up
PATIENCE = (ANSWER, SILENCE)
IS_IT_THERE = "Is Docker running, and may this user use it? DOCKER_HOST names another engine."


@contextlib.contextmanager
def answering() -> Iterator[None]:
    """Translate what the SDK raises when the engine refuses, is away, or answers in another form."""
    try:
        yield
    except docker.errors.APIError as error:
        raise StepFailed(f"The Docker engine refuses: {error.explanation or error}") from error
    except (docker.errors.DockerException, requests.RequestException) as error:
        raise Unreachable(f"The Docker engine does not answer: {error}", hint=IS_IT_THERE) from error
    except ValueError as error:
        raise Unreachable(f"The Docker engine answers in a form that is not known: {error}") from error


def explained(text: str) -> str:
    """Return the engine's own words from an answer that is an error."""
    with contextlib.suppress(ValueError, AttributeError):
        return str(json.loads(text).get("message") or text)
    return text
