"""What an engine answers becomes an answer or an error of ours; logins go to their registry, and nowhere else."""

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from decodeat_ops.adapters.docker_engine import DockerEngine
from decodeat_ops.core.errors import Configuration, Interrupted, StepFailed, Unreachable
from decodeat_ops.core.image import BuildRequest, Login, Reference, RemoteImage
from decodeat_ops.core.secret import MASK, Secret
from tests.servers.docker_api import DockerApi, docker_api
from tests.support.waiting import PATIENCE
from tests.unit.adapters.test_buildkit import told, vertex
from tests.unit.core.test_image import RECIPE

IMAGE = Reference("r.example.com/decodeat", "1")
PASSWORD = "correct-horse-battery"
LOOK = f"GET /distribution/{IMAGE}/json"
PUSH = f"POST /images/{IMAGE.repository}/push"
BASE = f"GET /images/{RECIPE.base}/json"
PULL = "POST /images/create"
ARRIVED = {"progressDetail": {}, "aux": {"Tag": "1", "Digest": "sha256:ab", "Size": 7}}
HERE = {"Os": "linux", "Architecture": "amd64"}


@dataclass
class Said:
    """Take progress, as the engine of changes does."""

    seen: list[tuple[str, int, int, str]] = field(default_factory=list)
    stop: bool = False

    def __call__(self, text: str, done: int = 0, total: int = 0, unit: str = "") -> None:
        self.seen.append((text, done, total, unit))
        if self.stop:
            raise Interrupted("stopped")


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory of the operator's own Docker configuration, empty so far."""
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    for name in ("DOCKER_BUILDKIT", "DOCKER_CONTEXT", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def api(config: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DockerApi]:
    with docker_api() as engine:
        monkeypatch.setenv("DOCKER_HOST", engine.url)
        engine.answers[BASE] = (200, [HERE])
        yield engine


def login(registry: str) -> Login | None:
    return Login("ops", Secret(PASSWORD)) if registry == IMAGE.registry else None


def opened(*, ours: bool = True) -> DockerEngine:
    return DockerEngine.opened(login if ours else lambda registry: None)


def request() -> BuildRequest:
    return BuildRequest(IMAGE, RECIPE, "host", b"a tar archive")


@pytest.mark.parametrize("host", ["unix:///nowhere/docker.sock", "tcp://127.0.0.1:1", "ssh://nobody@127.0.0.1:1", "::"])
def test_an_engine_that_is_not_there(config: Path, monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    monkeypatch.setenv("DOCKER_HOST", host)
    with pytest.raises(Unreachable, match="does not answer") as caught:
        opened()
    assert host in caught.value.advice.what and "Is Docker running" in caught.value.advice.hint


def test_an_engine_that_goes_away(api: DockerApi) -> None:
    engine = opened()
    with docker_api() as other:
        engine._client.base_url = f"http://127.0.0.1:{other.port}"
    for ask in (lambda: engine.has(IMAGE), lambda: engine.remote(IMAGE), lambda: engine.push(IMAGE, Said())):
        with pytest.raises(Unreachable, match="The Docker engine does not answer"):
            ask()


def test_what_the_engine_has(api: DockerApi) -> None:
    engine = opened()
    assert engine.has(IMAGE) is False
    api.answers[f"GET /images/{IMAGE}/json"] = (200, [HERE])
    assert engine.has(IMAGE) is True
    assert engine.forget(IMAGE) is True
    assert api.last(f"/images/{IMAGE}").params["noprune"] == "True"
    api.answers[f"DELETE /images/{IMAGE}"] = (409, [{"message": "a container uses it"}])
    assert engine.forget(IMAGE) is False
    api.answers[f"DELETE /images/{IMAGE}"] = (404, [{"message": "no such image"}])
    assert engine.forget(IMAGE) is True
    api.answers[f"DELETE /images/{IMAGE}"] = (403, [{"message": "a plugin forbids it"}])
    with pytest.raises(StepFailed, match="The Docker engine refuses: a plugin forbids it"):
        engine.forget(IMAGE)


def test_what_the_registry_has(api: DockerApi) -> None:
    engine = opened()
    api.answers[LOOK] = (404, [{"message": "manifest unknown"}])
    assert engine.remote(IMAGE) is None
    platforms = [{"os": "linux", "architecture": "arm64", "variant": "v8"}, {"os": "linux", "architecture": "amd64"}]
    api.answers[LOOK] = (200, [{"Descriptor": {"digest": "sha256:ab"}, "Platforms": platforms}])
    assert engine.remote(IMAGE) == RemoteImage("sha256:ab", frozenset({"linux/arm64/v8", "linux/amd64"}))
    api.answers[LOOK] = (200, [{"Descriptor": {"digest": "sha256:ab"}, "Platforms": None}])
    assert engine.remote(IMAGE) == RemoteImage("sha256:ab")


@pytest.mark.parametrize(
    ("status", "says", "error"),
    [
        (401, "unauthorized: authentication required", Configuration),
        (403, "denied: requested access to the resource is denied", Configuration),
        (500, "Get https://r.example.com/v2/: no basic auth credentials", Configuration),
        (500, "Get https://r.example.com/v2/: dial tcp: connection refused", Unreachable),
        (503, "received unexpected HTTP status: 503", Unreachable),
    ],
)
def test_a_look_that_fails(api: DockerApi, status: int, says: str, error: type[Exception]) -> None:
    api.answers[LOOK] = (status, [{"message": f"{says} {PASSWORD}"}])
    with pytest.raises(error, match=r"r\.example\.com") as caught:
        opened().remote(IMAGE)
    assert PASSWORD not in str(caught.value) and f"{says} {MASK}" in str(caught.value)


def test_an_answer_that_is_no_engines_is_told(api: DockerApi) -> None:
    api.answers[PUSH] = (200, [b"<html>\r\n"])
    with pytest.raises(Unreachable, match="in a form that is not known"):
        opened().push(IMAGE, Said())


MB = 10**6


def moves(layer: str, current: int, total: int = 0) -> dict[str, Any]:
    """Return what an engine says of a layer on its way; amounts are in MB."""
    whole = {"total": total * MB} if total else {}
    return {"status": "Pushing", "progressDetail": {"current": current * MB, **whole}, "id": layer, "progress": "[> ]"}


def says(layer: str, status: str) -> dict[str, Any]:
    return {"status": status, "progressDetail": {}, "id": layer}


def pushed(api: DockerApi, *events: dict[str, Any]) -> list[tuple[str, int, int, str]]:
    """Return what a push reports of these events, with amounts in MB."""
    said = Said()
    api.answers[PUSH] = (200, [*events, ARRIVED])
    assert opened().push(IMAGE, said) == "sha256:ab"
    return [(text, done // MB, total // MB, unit) for text, done, total, unit in said.seen]


def test_a_push_reports_the_layer_that_moves_and_the_sum_of_all(api: DockerApi) -> None:
    """A line of its own (without a unit) for each layer that has arrived, or did not; no whole while one is unknown."""
    assert pushed(
        api,
        {"status": "The push refers to repository [r.example.com/decodeat]"},
        says("7f3a91b2c4d5", "Preparing"),
        says("b", "Waiting"),
        says("b", "Layer already exists"),
        says("c", "Preparing"),
        moves("7f3a91b2c4d5", 30, 100),
        says("7f3a91b2c4d5", "Retrying in 5 seconds"),
        says("7f3a91b2c4d5", "Retrying in 4 seconds"),
        moves("c", 5),
        moves("7f3a91b2c4d5", 50, 100),
        moves("c", 50, 60),
        says("c", "Pushed"),
        moves("7f3a91b2c4d5", 100, 100),
        says("7f3a91b2c4d5", "Pushed"),
        {"status": "1: digest: sha256:ab size: 7"},
    ) == [
        ("", 0, 0, "bytes"),
        ("0 of 1 layers are there", 0, 0, "bytes"),
        ("0 of 2 layers are there", 0, 0, "bytes"),
        ("b was there already; 1 of 2 layers are there", 0, 0, ""),
        ("1 of 2 layers are there", 0, 0, "bytes"),
        ("1 of 3 layers are there", 0, 0, "bytes"),
        ("7f3a91: 30 of 100 MB", 30, 0, "bytes"),
        ("7f3a91 did not arrive and is tried again", 0, 0, ""),
        ("7f3a91 is tried again", 30, 0, "bytes"),
        ("7f3a91 is tried again", 30, 0, "bytes"),
        ("7f3a91 is tried again", 35, 0, "bytes"),
        ("7f3a91: 50 of 100 MB", 55, 0, "bytes"),
        ("7f3a91: 50 of 100 MB", 100, 160, "bytes"),
        ("c has arrived, 60 MB; 2 of 3 layers are there", 0, 0, ""),
        ("7f3a91: 50 of 100 MB", 110, 160, "bytes"),
        ("2 of 3 layers are there", 160, 160, "bytes"),
        ("7f3a91 has arrived, 100 MB; 3 of 3 layers are there", 0, 0, ""),
        ("3 of 3 layers are there", 160, 160, "bytes"),
        ("3 of 3 layers are there", 160, 160, "bytes"),
        ("3 of 3 layers are there", 160, 160, "bytes"),
    ]
    assert api.last(f"/images/{IMAGE.repository}/push").params == {"tag": "1"}


def test_a_share_that_was_reported_never_falls(api: DockerApi) -> None:
    """One that begins anew, grows, or comes to light late takes the whole away until it is caught up with."""
    reported = pushed(
        api,
        moves("a", 60, 100),
        says("a", "Retrying in 1 second"),
        moves("a", 10, 100),
        moves("a", 60, 100),
        moves("b", 10, 100),
        moves("b", 50, 100),
        moves("a", 80, 120),
        moves("b", 60, 100),
        says("a", "Pushed"),
        says("c", "Preparing"),
        says("c", "Pushed"),
        says("b", "Pushed"),
    )
    shares = [(done, total) for _, done, total, unit in reported if unit == "bytes"]
    assert shares == [
        (60, 100),
        (60, 100),
        (10, 0),
        (60, 100),
        (70, 0),
        (110, 0),
        (130, 0),
        (140, 220),
        (180, 220),
        (180, 0),
        (180, 220),
        (220, 220),
        (220, 220),
    ]
    known = [done / total for done, total in shares if total]
    assert known == sorted(known)


def test_a_layer_whose_size_is_never_told_counts_what_it_sent(api: DockerApi) -> None:
    assert pushed(api, moves("sha256:0123456789", 3), says("sha256:0123456789", "Pushed"))[:3] == [
        ("012345: 3.0 MB", 3, 0, "bytes"),
        ("012345 has arrived, 3.0 MB; 1 of 1 layers are there", 0, 0, ""),
        ("1 of 1 layers are there", 3, 3, "bytes"),
    ]


@pytest.mark.parametrize(
    ("says", "error"),
    [
        ("denied: your authorization token has expired", Configuration),
        ("unauthorized: authentication required", Configuration),
        ("received unexpected HTTP status: 500 Internal Server Error", StepFailed),
    ],
)
def test_an_error_in_the_stream_of_a_push_is_an_error(api: DockerApi, says: str, error: type[Exception]) -> None:
    """Its status is 200 all the same."""
    text = f"{says} {PASSWORD}"
    api.answers[PUSH] = (200, [{"status": "Preparing", "id": "a"}, {"errorDetail": {"message": text}, "error": text}])
    with pytest.raises(error, match=r"r\.example\.com") as caught:
        opened().push(IMAGE, Said())
    assert PASSWORD not in str(caught.value) and says in str(caught.value)


@pytest.mark.parametrize("cut", [False, True], ids=["it ends", "it is cut off"])
def test_a_push_without_a_digest_has_not_arrived(api: DockerApi, cut: bool) -> None:
    api.answers[PUSH], api.cut = (200, [{"status": "Preparing", "id": "a"}]), cut
    with pytest.raises(Unreachable):
        opened().push(IMAGE, Said())


def test_whoever_stops_a_push_ends_it_at_the_engine(api: DockerApi) -> None:
    endless = [{"status": "Pushing", "progressDetail": {"current": n, "total": 10**6}, "id": "a"} for n in range(10**5)]
    api.answers[PUSH] = (200, endless)
    with pytest.raises(Interrupted):
        opened().push(IMAGE, Said(stop=True))
    assert api.left.wait(PATIENCE)


def test_a_login_of_the_settings_goes_with_each_request(api: DockerApi) -> None:
    api.answers[PUSH] = (200, [ARRIVED])
    engine = opened()
    engine.push(IMAGE, Said())
    engine.remote(IMAGE)
    wanted = {"username": "ops", "password": PASSWORD, "serveraddress": "r.example.com"}
    assert api.last(f"/images/{IMAGE.repository}/push").login == wanted
    assert api.last(f"/distribution/{IMAGE}/json").login == wanted
    assert not [one for one in api.asked if one.path == "/auth"], "it is kept nowhere"


def test_without_one_the_operators_own_configuration_is_used(api: DockerApi, config: Path) -> None:
    stored = base64.b64encode(b"me:mine-alone").decode()
    (config / "config.json").write_text(json.dumps({"auths": {"r.example.com": {"auth": stored}}}))
    api.answers[PUSH] = (200, [ARRIVED])
    opened(ours=False).push(IMAGE, Said())
    found = api.last(f"/images/{IMAGE.repository}/push").login
    assert (found["username"], found["password"]) == ("me", "mine-alone")


def test_its_credential_helper_is_asked(api: DockerApi, config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    helper = config / "docker-credential-lab"
    helper.write_text('#!/bin/sh\ncat >/dev/null\necho \'{"Username": "helped", "Secret": "by-a-program"}\'\n')
    helper.chmod(0o700)
    monkeypatch.setenv("PATH", f"{config}:/usr/bin:/bin")
    (config / "config.json").write_text(json.dumps({"credHelpers": {"r.example.com": "lab"}}))
    api.answers[PUSH] = (200, [ARRIVED])
    engine = opened(ours=False)
    engine.push(IMAGE, Said())
    assert api.last(f"/images/{IMAGE.repository}/push").login["Password"] == "by-a-program"
    helper.write_text("#!/bin/sh\necho please log in again; exit 1\n")
    with pytest.raises(Configuration, match=r"gives no login for r\.example\.com.*please log in again") as caught:
        engine.push(IMAGE, Said())
    assert "docker login" in caught.value.advice.hint
    helper.unlink()
    with pytest.raises(Configuration, match=r"gives no login for r\.example\.com"):
        engine.remote(IMAGE)


def test_a_damaged_configuration_is_told_without_what_it_holds(api: DockerApi, config: Path) -> None:
    (config / "config.json").write_text(json.dumps({"auths": {"r.example.com": {"auth": "hunter2"}}}))
    with pytest.raises(Configuration, match="Docker's own configuration can't be used") as caught:
        opened(ours=False)
    assert "hunter2" not in str(caught.value)


CLASSIC = [
    {"stream": "Step 1/2 : FROM python:3.11\n"},
    {"stream": " ---> 0123\n"},
    {"stream": f"Step 2/2 : RUN {'x' * 80}\n"},
    {"stream": "installing\n"},
]
NEWER = [
    {"id": "moby.buildkit.trace", "aux": told((1, vertex("a", "[1/2] FROM python:3.11", done=True)))},
    {"id": "moby.buildkit.trace", "aux": told((1, vertex("b", "[2/2] RUN x")))},
]


@pytest.mark.parametrize(
    ("events", "seen"),
    [
        (CLASSIC, [("FROM python:3.11", 0, 2), ("FROM python:3.11", 0, 2), (f"RUN {'x' * 55}…", 1, 2)]),
        (NEWER, [("[1/2] FROM python:3.11", 1, 1), ("[2/2] RUN x", 1, 2)]),
    ],
    ids=["classic", "buildkit"],
)
def test_a_build_tells_its_steps(api: DockerApi, events: list[Any], seen: list[tuple[str, int, int]]) -> None:
    said = Said()
    api.answers["POST /build"] = (200, [*events, {"id": "moby.image.id", "aux": {"ID": "sha256:cd"}}])
    assert opened().build(request(), said) == "sha256:cd"
    assert [one[:3] for one in said.seen][: len(seen)] == seen
    asked = api.last("/build")
    assert asked.body == b"a tar archive"
    assert json.loads(asked.params["labels"]) == RECIPE.labels
    assert json.loads(asked.params["buildargs"]) == RECIPE.arguments
    named = ("t", "platform", "networkmode", "version")
    assert [asked.params[name] for name in named] == [str(IMAGE), "linux/amd64", "host", "2"]


@pytest.mark.parametrize(
    ("said", "header", "version"),
    [("", "", "2"), ("", "2", "2"), ("", "1", "1"), ("0", "2", "1"), ("false", "", "1"), ("1", "1", "2")],
)
def test_which_builder_builds(
    api: DockerApi, monkeypatch: pytest.MonkeyPatch, said: str, header: str, version: str
) -> None:
    monkeypatch.setenv("DOCKER_BUILDKIT", said)
    api.builder = header
    api.answers["POST /build"] = (200, [{"aux": {"ID": "sha256:cd"}}])
    opened().build(request(), Said())
    assert api.last("/build").params["version"] == version


def test_no_login_is_sent_with_a_build(api: DockerApi, config: Path) -> None:
    stored = base64.b64encode(b"me:mine-alone").decode()
    (config / "config.json").write_text(
        json.dumps({
            "auths": {"r.example.com": {"auth": stored}},
            "proxies": {"default": {"httpsProxy": "http://proxy.example.com:3128"}},
        })
    )  # fmt: skip
    api.answers["POST /build"] = (200, [{"aux": {"ID": "sha256:cd"}}])
    opened().build(request(), Said())
    asked = api.last("/build")
    assert not [name for name in asked.headers if name.startswith("X-Registry")]
    assert json.loads(asked.params["buildargs"])["https_proxy"] == "http://proxy.example.com:3128"


def test_an_error_in_the_stream_of_a_build_shows_the_end_of_its_output(api: DockerApi) -> None:
    lines = [{"stream": f"line {number}\n"} for number in range(100)]
    failed = {"errorDetail": {"code": 1, "message": "the command returned a non-zero code: 1"}, "error": "it"}
    api.answers["POST /build"] = (200, [*CLASSIC, *lines, failed])
    with pytest.raises(StepFailed, match="The build failed: the command returned a non-zero code: 1") as caught:
        opened().build(request(), Said())
    assert caught.value.advice.lines == tuple(f"line {number}" for number in range(70, 100))


def test_a_build_that_is_refused_or_breaks_off(api: DockerApi) -> None:
    api.answers["POST /build"] = (400, [{"message": "dockerfile parse error"}])
    with pytest.raises(StepFailed, match="dockerfile parse error"):
        opened().build(request(), Said())
    api.answers["POST /build"] = (200, CLASSIC)
    with pytest.raises(Unreachable, match="broke off the build"):
        opened().build(request(), Said())


@pytest.mark.parametrize("there", [(404, [{"message": "No such image"}]), (200, [{**HERE, "Architecture": "arm64"}])])
def test_a_base_that_the_engine_lacks_for_this_platform_is_pulled(api: DockerApi, there: Any) -> None:
    api.answers[BASE] = there
    api.answers[PULL] = (
        200,
        [
            {"status": "Pulling from library/python", "id": "3.11"},
            {"status": "Downloading", "progressDetail": {"current": 5 * MB, "total": 10 * MB}, "id": "a"},
            says("a", "Download complete"),
            says("a", "Pull complete"),
        ],
    )
    api.answers["POST /build"] = (200, [{"aux": {"ID": "sha256:cd"}}])
    said = Said()
    opened().build(request(), said)
    pulling = [(text, done // MB, total // MB) for text, done, total, _ in said.seen[1:5]]
    assert pulling == [
        ("pulling python:3.11: a: 5 of 10 MB", 5, 10),
        ("pulling python:3.11: 0 of 1 layers are there", 10, 10),
        ("pulling python:3.11: a has arrived, 10 MB; 1 of 1 layers are there", 0, 0),
        ("pulling python:3.11: 1 of 1 layers are there", 10, 10),
    ]
    asked = api.last("/images/create")
    assert asked.params == {"fromImage": "python", "tag": "3.11", "platform": "linux/amd64"}
    assert asked.login == {}, "the login of the settings is another registry's"


def test_a_base_that_is_there_is_not_asked_for(api: DockerApi) -> None:
    api.answers["POST /build"] = (200, [{"aux": {"ID": "sha256:cd"}}])
    opened().build(request(), Said())
    assert not [one for one in api.asked if one.path == "/images/create"]


def test_a_base_that_cannot_be_had_is_named(api: DockerApi) -> None:
    api.answers[BASE] = (404, [{"message": "No such image"}])
    api.answers[PULL] = (404, [{"message": "manifest for python:3.11 not found"}])
    with pytest.raises(StepFailed, match=r"python:3\.11, which the image is built on, could not be pulled: manifest"):
        opened().build(request(), Said())
