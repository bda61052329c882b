"""Run MiniStack, an emulator of AWS whose tasks are containers of the lab's engine, in an environment of its own."""

import contextlib
import fcntl
import hashlib
import itertools
import subprocess
import tempfile
import time
import venv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import httpx
from botocore.config import Config

from tests.lab.engine import NETWORK, Engine
from tests.lab.front import front
from tests.support.deployments import REPOSITORY
from tests.support.ports import free_port
from tests.support.waiting import PATIENCE

REGION = "eu-central-1"
PACED = Path(__file__).with_name("paced.py")
LOCK = Path(__file__).with_name("ministack-requirements.txt")
# It pins a botocore of its own, so that it can't be installed beside the product.
ENVIRONMENTS = REPOSITORY / ".venv" / "ministack"
_PLACE = "lab-ministack"
_ACCOUNTS = itertools.count(111122220001)


@dataclass(frozen=True)
class Account:
    """Describe an account of nobody else's, with a network in it. MiniStack takes its number for the access key."""

    id: str
    subnets: tuple[str, ...] = ()
    security_group: str = ""

    @property
    def credentials(self) -> dict[str, str]:
        """Return what the SDK's own chain finds, and nothing of the user's own."""
        return {
            "AWS_ACCESS_KEY_ID": self.id,
            "AWS_SECRET_ACCESS_KEY": "nobody-checks-it",
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
            "AWS_EC2_METADATA_DISABLED": "true",
        }


@dataclass(frozen=True)
class MiniStack:
    """A running emulator, asked at `port`; everything in it is gone when it ends."""

    engine: Engine
    port: int

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def client(self, account: Account, service: str) -> Any:
        """Return the SDK's client for one service, for what a test looks at or prepares itself."""
        session = boto3.session.Session(
            aws_access_key_id=account.id, aws_secret_access_key="nobody-checks-it", region_name=REGION
        )
        once = Config(retries={"total_max_attempts": 1})
        return session.client(service, endpoint_url=self.endpoint, config=once)

    def account(self) -> Account:
        """Return a new account, with the network that every account is born with and a security group in it."""
        empty = Account(str(next(_ACCOUNTS)))
        network = self.client(empty, "ec2")
        found = network.describe_subnets()["Subnets"]
        place = found[0]["VpcId"]
        group = network.create_security_group(GroupName="service", Description="the service", VpcId=place)
        return Account(empty.id, tuple(one["SubnetId"] for one in found), group["GroupId"])


def environment() -> Path:
    """Return the programs of an environment with MiniStack alone; made once for each state of its lock."""
    ENVIRONMENTS.mkdir(parents=True, exist_ok=True)
    place = ENVIRONMENTS / hashlib.sha256(LOCK.read_bytes()).hexdigest()[:16]
    whole = place / "whole"
    with (ENVIRONMENTS / "lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        if not whole.exists():
            venv.create(place, with_pip=True, clear=True)
            python = (
                str(place / "bin" / "python"),
                "-m",
                "pip",
                "--quiet",
                "--disable-pip-version-check",
                "--no-input",
            )
            argv = (*python, "install", "--no-deps", "--require-hashes", "--requirement", str(LOCK))
            made = subprocess.run(argv, capture_output=True, text=True, check=False)
            assert made.returncode == 0, made.stdout + made.stderr
            whole.touch()
    return place / "bin"


@contextlib.contextmanager
def ministack(engine: Engine, image: str) -> Iterator[MiniStack]:
    """Run it on loopback until the block ends. `image` is any image of the engine that has a shell.

    It asks the engine for the network of the container that it takes itself for, and puts its tasks there.
    """
    programs, port = environment(), free_port()
    engine.ok("run", "--detach", "--network", NETWORK, "--name", _PLACE, image, "sleep", "infinity")
    try:
        with (
            tempfile.TemporaryDirectory(prefix="decodeat-ministack-") as scratch,
            _running(programs, _variables(engine, port, scratch), Path(scratch)),
            front(port) as asked,
        ):
            yield MiniStack(engine, asked)
    finally:
        engine.ok("rm", "--force", _PLACE)


@contextlib.contextmanager
def _running(programs: Path, variables: Mapping[str, str], directory: Path) -> Iterator[None]:
    # Dies with whoever started it; its containers end with the engine.
    argv, log = ("setpriv", "--pdeathsig", "KILL", str(programs / "python"), "-P", str(PACED)), directory / "log"
    with log.open("wb") as written:
        process = subprocess.Popen(
            argv, cwd=directory, env=variables, stdin=subprocess.DEVNULL, stdout=written, stderr=written
        )
    try:
        _wait(f"http://127.0.0.1:{variables['GATEWAY_PORT']}/_ministack/health", process, log)
        yield
    finally:
        process.terminate()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _variables(engine: Engine, port: int, directory: str) -> Mapping[str, str]:
    return {
        "PATH": engine.environment["PATH"],
        "HOME": directory,
        "TMPDIR": directory,
        "DOCKER_HOST": engine.environment["DOCKER_HOST"],
        "HOSTNAME": _PLACE,
        "DOCKER_NETWORK": NETWORK,
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "MINISTACK_REGION": REGION,
    }


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(url, timeout=PATIENCE, trust_env=False).status_code == 200:
                return
        assert process.poll() is None and time.monotonic() < deadline, log.read_text()[-3000:]
        time.sleep(0.1)
