"""Build, look for and push images with a Docker engine, through its SDK."""

import contextlib
import json
import os
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import docker
import docker.auth
import docker.errors
import docker.utils
from docker.credentials.errors import StoreError
from docker.utils.config import find_config_file, load_general_config
from docker.utils.proxy import ProxyConfig

from decodeat_ops.adapters import docker_layers
from decodeat_ops.adapters.docker_errors import ANSWER, IS_IT_THERE, PATIENCE, answering, explained
from decodeat_ops.adapters.docker_progress import Building, Moving
from decodeat_ops.core.errors import Configuration, OpsError, StepFailed, Unreachable
from decodeat_ops.core.image import BuildRequest, Logins, Reference, RemoteImage, Report, refuses_login
from decodeat_ops.core.layers import BuiltImage, Export
from decodeat_ops.core.secret import mask

Event = Mapping[str, Any]
_CONFLICT = 409  # the status with which an engine keeps what is in use
_BUILDKIT_SINCE = "1.39"  # of the engine's API; before, BuildKit was an experiment


class DockerEngine:
    """Ask one engine. A login is asked for at each request, and kept neither by the engine nor by its client."""

    def __init__(self, client: Any, logins: Logins) -> None:
        self._client = client
        self._logins = logins

    @classmethod
    def opened(cls, logins: Logins) -> "DockerEngine":
        """Connect to the engine that DOCKER_HOST, or Docker's own configuration, names. Raises `Unreachable`."""
        _configuration()  # the client reads it, too, and would take what is wrong with it for an engine that is away
        try:
            return cls(docker.from_env(version="auto", timeout=ANSWER).api, logins)
        except (docker.errors.DockerException, OSError, ValueError) as error:
            where = os.environ.get("DOCKER_HOST") or "its usual socket"
            raise Unreachable(f"The Docker engine at {where} does not answer: {error}", hint=IS_IT_THERE) from error

    def has(self, reference: Reference) -> bool:
        return self._inspect(str(reference)) is not None

    def forget(self, reference: Reference) -> bool:
        """Take the name away, unless a container or an image needs it. Its layers stay until they are pruned."""
        with answering():
            try:
                self._client.remove_image(str(reference), noprune=True)
            except docker.errors.NotFound:
                return True
            except docker.errors.APIError as error:
                if error.status_code != _CONFLICT:
                    raise
                return False
        return True

    def remote(self, reference: Reference) -> RemoteImage | None:
        with answering():
            try:
                found = self._client.inspect_distribution(str(reference), self._auth(reference.registry) or {})
            except docker.errors.NotFound:
                return None
            except docker.errors.APIError as error:
                raise self._unseen(reference, error) from error
        platforms = frozenset(filter(None, map(_platform, found.get("Platforms") or ())))
        return RemoteImage(str(found["Descriptor"]["digest"]), platforms)

    def build(self, request: BuildRequest, report: Report) -> str:
        recipe = request.recipe
        self._bring(recipe.base, recipe.platform, report)
        proxies = ProxyConfig.from_dict(load_general_config().get("proxies", {}).get("default", {}))
        params = {
            "t": str(request.reference),
            "dockerfile": "Dockerfile",
            "platform": recipe.platform,
            "labels": json.dumps(dict(recipe.labels)),
            "buildargs": json.dumps({**proxies.get_environment(), **recipe.arguments}),
            "networkmode": request.network or "default",
            "rm": "1",
            "forcerm": "1",
            "version": "2" if self._buildkit() else "1",
        }
        following = Building(report)
        problem = self._follow("/build", params, {"Content-Type": "application/x-tar"}, request.context, following.take)
        if problem:
            lines = tuple(following.lines)
            raise StepFailed(f"The build failed: {problem}", hint="The end of its output tells more.", lines=lines)
        if not following.image:
            raise Unreachable("The Docker engine broke off the build and said no more.", hint=IS_IT_THERE)
        return following.image

    def push(self, reference: Reference, report: Report) -> str:
        registry = reference.registry
        headers = {"X-Registry-Auth": self._header(registry), "Content-Type": "application/json"}
        following = Moving(report)
        path = f"/images/{reference.repository}/push"
        problem = self._follow(path, {"tag": reference.tag}, headers, b"{}", following.take)
        if problem:
            told = self._masked(problem, registry)
            raise _login_refused(registry, told) if refuses_login(told) else StepFailed(_said(registry, told))
        if not following.digest:
            raise Unreachable("The Docker engine broke off the push and said no more.", hint=IS_IT_THERE)
        return following.digest

    def layers(self, name: str) -> BuiltImage | None:
        found = self._inspect(name)
        return docker_layers.described(self._client, name, found) if found else None

    @contextlib.contextmanager
    def export(self, name: str, layers: frozenset[str], report: Report) -> Iterator[Export]:
        found = self._inspect(name)
        if found is None:
            raise StepFailed(f"The Docker engine has no image {name}.", hint="Run the command again: it builds it.")
        with docker_layers.taken_out(self._client, name, docker_layers.listed(found), layers, report) as archive:
            yield archive

    def _bring(self, base: str, platform: str, report: Report) -> None:
        """Pull an image that a build needs, unless the engine has it for that platform.

        BuildKit would need a session with its client for that, and the other builder every login of the operator.
        """
        there = self._inspect(base)
        if there is not None and [there["Os"], there["Architecture"]] == platform.split("/")[:2]:
            return
        registry, _ = docker.auth.resolve_repository_name(base)
        name, tag = docker.utils.parse_repository_tag(base)
        params = {"fromImage": name, "tag": tag or "latest", "platform": platform}
        headers = {"X-Registry-Auth": self._header(registry)}
        following = Moving(report, f"pulling {base}: ")
        problem = self._follow("/images/create", params, headers, b"", following.take)
        if problem:
            told = self._masked(problem, registry)
            raise StepFailed(
                f"{base}, which the image is built on, could not be pulled: {told}",
                hint="Is image.python_image right, can the engine reach that registry, and does that know your login?",
            )

    def _inspect(self, name: str) -> Mapping[str, Any] | None:
        with answering():
            try:
                found: Mapping[str, Any] = self._client.inspect_image(name)
            except docker.errors.NotFound:
                return None
        return found

    def _buildkit(self) -> bool:
        """Return whether BuildKit builds: as DOCKER_BUILDKIT says, else if the engine has it and prefers no other."""
        said = os.environ.get("DOCKER_BUILDKIT", "")
        if said:
            return said.lower() not in {"0", "false"}
        with answering():
            headers = self._client.get(f"{self._client.base_url}/_ping", timeout=ANSWER).headers
        new = bool(docker.utils.version_gte(self._client.api_version, _BUILDKIT_SINCE))
        return new and headers.get("Builder-Version", "2") == "2"

    def _follow(
        self,
        path: str,
        params: Mapping[str, str],
        headers: Mapping[str, str],
        body: bytes,
        take: Callable[[Event], None],
    ) -> str:
        """Ask for work that takes long, hand on each event, and return what went wrong, "" for nothing.

        The connection is closed in any case, which ends the work. The SDK's own methods hide it; its `build` would also
        send every login of the operator to the engine.
        """
        url = f"{self._client.base_url}/v{self._client.api_version}{path}"
        with answering():
            answer = self._client.post(url, params=params, headers=headers, data=body, stream=True, timeout=PATIENCE)
            with contextlib.closing(answer):
                if answer.status_code >= 400:
                    return explained(answer.text)
                for line in filter(bytes.strip, answer.iter_lines(chunk_size=None)):
                    event = json.loads(line)
                    if problem := (event.get("errorDetail") or {}).get("message") or event.get("error"):
                        return str(problem)
                    take(event)
        return ""

    def _auth(self, registry: str) -> Mapping[str, str] | None:
        """Return the login for a registry as the engine takes it: ours, else that of the operator's configuration."""
        login = self._logins(registry)
        if login is not None:
            return {"username": login.user, "password": login.password.reveal(), "serveraddress": registry}
        try:
            with warnings.catch_warnings(action="ignore"):  # what it warns of is in the error
                found = docker.auth.resolve_authconfig(_configuration(), registry)
        except (docker.errors.DockerException, StoreError) as error:
            raise Configuration(
                f"Docker's own configuration gives no login for {registry}: {error}".rstrip(".") + ".",
                hint="Run `docker login` again, or set image.user and image.password.",
                where="image.user",
            ) from error
        return dict(found) if found else None

    def _header(self, registry: str) -> str:
        return bytes(docker.auth.encode_header(self._auth(registry) or {})).decode()

    def _masked(self, text: str, registry: str) -> str:
        login = self._logins(registry)
        return mask(text, (login.password,) if login else ())

    def _unseen(self, reference: Reference, error: Any) -> OpsError:
        """Return the error for a look at a registry that failed."""
        registry = reference.registry
        told = self._masked(str(error.explanation or error), registry)
        if error.status_code in (401, 403) or refuses_login(told):
            return _login_refused(registry, told)
        return Unreachable(
            f"{registry} could not be asked for {reference}: {told}",
            hint="Is image.repository right, and can the engine's machine reach that registry?",
        )


def _platform(found: Mapping[str, Any]) -> str:
    parts = (found.get("os"), found.get("architecture"), found.get("variant"))
    return "/".join(part for part in parts if part)


def _said(registry: str, told: str) -> str:
    return f"{registry} did not take the image: {told}".rstrip(".") + "."


def _login_refused(registry: str, told: str) -> Configuration:
    return Configuration(
        f"{registry} refuses this login: {told}".rstrip(".") + ".",
        hint="Check image.user and image.password, or run `docker login` where they are empty. Some registries answer "
        "like this, too, when the repository does not exist: make it first.",
        where="image.password",
    )


def _configuration() -> Any:
    """Return the operator's own Docker configuration. What it holds is not repeated: a login may stand in it."""
    try:
        return docker.auth.load_config()
    except (docker.errors.DockerException, ValueError) as error:
        place = find_config_file()
        raise Configuration(
            f"Docker's own configuration can't be used: {place} is damaged ({type(error).__name__}).",
            hint="Mend it, or run `docker logout` and `docker login` again.",
            where=str(place),
        ) from error
