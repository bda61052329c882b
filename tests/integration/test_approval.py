"""Only the plan that was approved is carried out, also when another command was faster."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.deployments import Deployment, deployment
from tests.support.terminal import terminal

QUESTION = "Carry it out? [y/N]"


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Deployment]:
    """Make a deployment with a secret, of which nothing is deployed yet."""
    with deployment(tmp_path, extra='[service.secrets]\nAPI_KEYS = "env:API_KEYS"\n') as made:
        (made.home / "decodeat-ops.env").write_text("API_KEYS=a-key-of-24-characters!!\n")
        yield made


def test_a_plan_that_is_another_by_now_is_asked_about_again(fresh: Deployment) -> None:
    with terminal(fresh.home, "deploy") as first:
        first.wait_for(QUESTION)
        assert "first deploy" in first.shown
        fresh.configure(MAX_REQUESTS=1234)
        other = fresh.deploy()
        first.answer("y")  # to a plan that begins with nothing
        first.wait_for(QUESTION, times=2)
        assert re.search(rf"serves now +{other}", first.shown.partition(QUESTION)[2])
        first.answer("n")
        assert first.end() == 130
        assert "Nothing was changed." in first.shown
    assert fresh.serving() == other
    assert [release.id for release in fresh.store.releases()] == [other]


def test_a_plan_that_is_the_same_is_asked_about_once(fresh: Deployment) -> None:
    with terminal(fresh.home, "deploy") as only:
        only.wait_for(QUESTION)
        assert not fresh.state.exists()
        only.answer("y")
        assert only.end() == 0, only.shown
        assert only.shown.count(QUESTION) == 1
    assert fresh.serving()


def test_a_dry_run_of_a_first_deploy_holds_no_digest_that_a_secret_can_be_guessed_from(fresh: Deployment) -> None:
    """Of a short secret it would be as good as the secret itself."""
    told = [json.dumps(fresh.ok("deploy", "--dry-run")["data"]["plan"]["steps"]) for _ in range(2)]
    digests = [json.loads(steps)[1]["do"]["params"]["release"]["secrets"] for steps in told]
    assert digests[0] != digests[1]
    assert not fresh.state.exists()
