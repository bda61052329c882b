"""Test the machine that is played: it refuses what Docker refuses, and its containers do what they are made for."""

import http.client
import json
import ssl
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.servers.vm import Behaviour, PlayedHost, played_hosts
from tests.servers.vm.images import Registry, archive, made, sha256
from tests.support.ports import free_port
from tests.support.waiting import wait_for

COMPOSE = """
services:
  api:
    image: ${DECODEAT_IMAGE:?no image}
    container_name: tested-${COLOUR}
    user: "10001:10010"
    environment: [API_KEYS, RELEASE_ID, KIND, SOCKET=/run/api/api.sock]
    volumes: ["ROOT/run/${COLOUR}:/run/api"]
    healthcheck: {test: [CMD, "true"]}
    restart: unless-stopped
    stop_grace_period: 160s
networks:
  default: {name: tested, external: true}
"""
EDGE = """
services:
  nginx:
    image: nginx
    container_name: tested-nginx
    user: "10002:10010"
    command: [nginx, -c, /etc/nginx/edge/nginx.conf]
    volumes: ["ROOT/run:/run/api:ro", "ROOT/edge:/etc/nginx/edge:ro"]
    ports: ["PORT:8080"]
networks:
  default: {name: tested, external: true}
"""
NGINX = """
events {}
http {
  include mime.types;
  server {
    listen 8080 default_server;
    server_name _;
    error_page 502 503 504 =503 @away;
    if (-e /run/api/maintenance) { return 503; }
    location / {
      proxy_pass http://unix:/run/api/active/api.sock;
      proxy_set_header Host $host;
      proxy_set_header X-Forwarded-For $remote_addr;
    }
    location = /generation { return 200 "one"; }
    location @away { add_header Retry-After 5 always; return 503 "away"; }
  }
}
"""


@pytest.fixture
def host(tmp_path: Path) -> Iterator[PlayedHost]:
    def behaves(variables: Mapping[str, str]) -> Behaviour:
        return Behaviour(variables.get("KIND", "serves"), exit_code=137)  # type: ignore[arg-type]

    with played_hosts(tmp_path, ["one"], behaves=behaves) as (made_host,):
        images = made_host.engine.images
        images.add(made([b"base", b"code"], tag="api:1"))
        images.add(made([b"base", b"nginx"], tag="nginx:latest", labels={"played": "nginx"}))
        yield made_host


def prepared(host: PlayedHost) -> str:
    """Lay out directories and files by the machine's own shell, and return the directory."""
    root = f"{host.directory}/tested"
    text = f"""set -e
mkdir -p {root}/run/blue {root}/run/green {root}/edge
chgrp -R 10010 {root}; chmod -R 0750 {root}; chown 10001 {root}/run/blue {root}/run/green
cat >{root}/compose.yaml <<'E'
{COMPOSE.replace("ROOT", root)}E
cat >{root}/edge.yaml <<'E'
{EDGE.replace("ROOT", root).replace("PORT", str(free_port()))}E
cat >{root}/edge/nginx.conf <<'E'
{NGINX}E
docker network create tested
"""
    done = host.sh(text)
    assert done.returncode == 0, done.stderr
    return root


def up(host: PlayedHost, root: str, colour: str, kind: str = "serves") -> None:
    done = host.sh(
        f"export DECODEAT_IMAGE=api:1 COLOUR={colour} RELEASE_ID=r-{colour} API_KEYS=secret KIND={kind}\n"
        f"docker compose -p tested-{colour} -f {root}/compose.yaml up -d --force-recreate --no-build --pull never"
    )
    assert done.returncode == 0, done.stderr


def asked(host: PlayedHost, path: str) -> tuple[int, str]:
    port = host.container("tested-nginx").definition.ports[0][1]
    connection = http.client.HTTPConnection(host.address, port, timeout=60)
    connection.request("GET", path)
    answer = connection.getresponse()
    return answer.status, answer.headers.get("X-Release-Id") or answer.read().decode()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("frobnicate", "unknown command: docker frobnicate"),
        ("ps --every", "unknown flag: --every"),
        ("ps --filter colour=blue", "invalid filter"),
        ("inspect --type container nobody", "No such container: nobody"),
        ("inspect -f '{{.State.Colour}}' tested", "No such object"),
        ("image rm nothing", "No such image"),
        ("network rm nothing", "network nothing not found"),
        ("kill --signal FROWN x", "invalid signal"),
        ("pull nginx", "connection refused"),
        ("compose -p x -f nothing.yaml up -d", "no such file"),
        ("exec nobody true", "No such container"),
    ],
)
def test_it_refuses_what_docker_refuses(host: PlayedHost, words: str, says: str) -> None:
    done = host.sh(f"docker {words}")
    assert done.returncode != 0 and says in done.stderr, done


def test_it_has_no_python_and_no_curl(host: PlayedHost) -> None:
    assert host.sh("command -v python3 || command -v curl").returncode != 0
    assert host.sh("docker version --format '{{.Server.Version}}'").stdout.startswith("28.")


def test_a_variable_that_is_needed_is_asked_for(host: PlayedHost) -> None:
    root = prepared(host)
    done = host.sh(f"docker compose -p tested-blue -f {root}/compose.yaml up -d")
    assert "required variable DECODEAT_IMAGE is missing a value: no image" in done.stderr
    done = host.sh(f"DECODEAT_IMAGE=api:2 COLOUR=blue docker compose -p b -f {root}/compose.yaml up -d --pull never")
    assert "No such image: api:2" in done.stderr


def test_clients_follow_a_link_and_secrets_stay_in_one_container(host: PlayedHost) -> None:
    root = prepared(host)
    up(host, root, "blue")
    assert host.sh(f"docker compose -p tested-edge -f {root}/edge.yaml up -d").returncode == 0
    assert asked(host, "/generation") == (200, "one")
    assert asked(host, "/health") == (503, "away")
    for colour in ("blue", "green", "blue"):
        up(host, root, colour)
        switched = host.sh(f"cd {root}/run && ln -sn {colour} active.new && mv -T active.new active")
        assert switched.returncode == 0 and asked(host, "/health") == (200, f"r-{colour}")
    assert host.sh(f": >{root}/run/maintenance").returncode == 0
    assert asked(host, "/health") == (503, "away")
    told = json.loads(host.sh("docker inspect tested-nginx tested-blue").stdout)
    assert [any("API_KEYS" in one for one in container["Config"]["Env"]) for container in told] == [False, True]


def test_a_release_is_asked_from_inside_by_socket_and_by_name(host: PlayedHost) -> None:
    pytest.importorskip("decodeat.ask")
    root = prepared(host)
    up(host, root, "blue")
    assert host.sh(f"ln -s blue {root}/run/active; docker compose -p e -f {root}/edge.yaml up -d").returncode == 0
    for asking in ({"unix": "/run/api/api.sock"}, {"host": "nginx", "port": 8080, "name": "api.example.com"}):
        line = json.dumps({**asking, "path": "/ready"})
        done = host.sh("docker exec -i tested-blue python -m decodeat.ask", given=f"{line}\n")
        assert json.loads(done.stdout)["status"] == 200, done


def test_a_signal_drains_what_is_under_way_and_a_reboot_brings_back_the_rest(host: PlayedHost, tmp_path: Path) -> None:
    root = prepared(host)
    up(host, root, "blue")
    up(host, root, "green")
    assert host.sh("docker kill --signal TERM tested-blue").returncode == 0
    wait_for(lambda: host.container("tested-blue").state == "exited")
    assert host.container("tested-blue").exit_code == 0
    host.reboot()
    assert host.running() == {"tested-green"}
    assert host.sh("docker start tested-blue").returncode == 0 and len(host.running()) == 2


def test_broken_releases_are_seen_as_docker_tells_of_them(host: PlayedHost) -> None:
    root = prepared(host)
    up(host, root, "blue", "crashes")
    up(host, root, "green", "unhealthy")
    shape = "{{.State.Status}} {{.State.OOMKilled}} {{.State.ExitCode}}"
    wait_for(lambda: host.container("tested-blue").restarts > 1)
    assert "true 137" in host.sh(f"docker inspect -f '{shape}' tested-blue").stdout
    how = "--filter container=tested-blue --filter event=oom --filter event=die"
    shape = "{{.Action}} {{.Actor.Attributes.exitCode}}"
    ended = host.sh(f"docker events --since 0 --until $(($(date +%s) + 1)) {how} --format '{shape}'").stdout
    assert ended.startswith("oom <no value>\ndie 137\n"), "whatever has become of it since"
    told = json.loads(host.sh("docker inspect --type container tested-green").stdout)
    assert told[0]["State"]["Health"]["Status"] == "unhealthy"


def test_a_user_without_rights_to_the_socket_gets_no_release(host: PlayedHost) -> None:
    root = prepared(host)
    host.sh(f"chown 0:0 {root}/run/blue; chmod 0700 {root}/run/blue")
    up(host, root, "blue")
    assert "Permission denied" in host.sh("docker logs tested-blue 2>&1").stdout


def test_only_layers_that_lack_may_travel(host: PlayedHost, tmp_path: Path) -> None:
    newer = made([b"base", b"newer code"], tag="api:2")
    host.root.joinpath("opt", "all").write_bytes(archive(newer, {sha256(b"newer code")}))
    done = host.sh(f"docker load <{host.directory}/all")
    assert done.returncode == 1 and "no such file" in done.stderr
    host.root.joinpath("opt", "some").write_bytes(archive(newer, {sha256(b"base")}))
    assert host.sh(f"docker load <{host.directory}/some").stdout == "Loaded image: api:2\n"
    assert host.sh(f"docker image inspect --format '{{{{.Id}}}}' {newer.id}").stdout.strip() == newer.id
    host.engine.images.full = True
    assert "no space left" in host.sh(f"docker load <{host.directory}/some").stderr


def test_a_registry_wants_its_login(host: PlayedHost) -> None:
    registry = Registry("registry.test:5000", "right")
    host.engine.images.registries[registry.address] = registry
    name = f"{registry.address}/api@{registry.push('api', made([b'base', b'pulled']))}"
    assert "no basic auth" in host.sh(f"docker pull -q {name}").stderr
    login = f"docker --config /run/login login --username ops --password-stdin {registry.address}"
    assert "401 Unauthorized" in host.sh(login, given="wrong").stderr
    assert host.sh(login, given="right").returncode == 0
    assert host.sh(f"docker --config /run/login pull -q {name}").returncode == 0
    assert registry.sent == len(b"pulled"), "what is there is not sent again"
    assert (host.root / "run" / "login" / "config.json").exists()


def test_an_image_in_use_stays(host: PlayedHost) -> None:
    root = prepared(host)
    up(host, root, "blue")
    assert "is using its referenced image" in host.sh("docker image rm api:1").stderr
    host.sh("docker rm -f tested-blue")
    assert host.sh("docker image rm api:1").returncode == 0


def test_nginx_tests_its_files_and_goes_on_with_the_old_ones(host: PlayedHost) -> None:
    root = prepared(host)
    assert host.sh(f"docker compose -p e -f {root}/edge.yaml up -d").returncode == 0
    wrong = host.sh(f"echo 'http {{' >{root}/edge/nginx.conf; docker exec tested-nginx nginx -t")
    assert wrong.returncode == 1 and "[emerg] unexpected end of file" in wrong.stderr
    assert host.sh("docker exec tested-nginx nginx -s reload").returncode == 1
    assert asked(host, "/generation") == (200, "one")


def test_three_machines_have_files_and_ports_of_their_own(tmp_path: Path) -> None:
    with played_hosts(tmp_path, ["a", "b", "c"]) as hosts:
        for one in hosts:
            assert one.sh(f"echo {one.name} >{one.directory}/name; echo {one.name} >/run/name").returncode == 0
        assert [one.sh(f"cat {one.directory}/name /run/name").stdout.split() for one in hosts] == [
            [name, name] for name in "abc"
        ]
        assert len({one.address for one in hosts}) == 3
    assert ssl.OPENSSL_VERSION  # TLS is what the target's own tests use
