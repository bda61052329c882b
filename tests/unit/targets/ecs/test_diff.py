"""What runs and what was written by hand beside what a deploy brings, and the mistakes of the guide's own files."""

import json
from pathlib import Path
from typing import Any

import pytest

from decodeat_ops.application import render as wired
from decodeat_ops.core.errors import Usage
from decodeat_ops.settings.schema import Loaded
from decodeat_ops.targets.ecs import documents
from decodeat_ops.targets.ecs.view import EcsView
from tests.support.aws import SETTINGS
from tests.unit.targets.ecs.seen import TWO, Seen, definition

# The guide's own task definition, script and Dockerfile, field by field and line by line, with their mistakes.
BY_HAND = {
    "family": "nutrition-label-api",
    "networkMode": "awsvpc",
    "requiresCompatibilities": ["FARGATE"],
    "cpu": "1024",
    "memory": "2048",
    "executionRoleArn": "arn:aws:iam::account:role/ecsTaskExecutionRole",
    "taskRoleArn": "arn:aws:iam::account:role/ecsTaskRole",
    "containerDefinitions": [
        {
            "name": "nutrition-api",
            "image": "your-account.dkr.ecr.region.amazonaws.com/nutrition-label-api:latest",
            "portMappings": [{"containerPort": 8000, "protocol": "tcp"}],
            "environment": [{"name": "DEBUG", "value": "false"}, {"name": "LOG_LEVEL", "value": "INFO"}],
            "secrets": [
                {
                    "name": "GEMINI_API_KEY",
                    "valueFrom": "arn:aws:secretsmanager:region:account:secret:gemini-api-key",
                }
            ],
            "logConfiguration": {
                "logDriver": "awslogs",
                "options": {
                    "awslogs-group": "/ecs/nutrition-label-api",
                    "awslogs-region": "us-west-2",
                    "awslogs-stream-prefix": "ecs",
                },
            },
            "healthCheck": {
                "command": ["CMD-SHELL", "curl -f http://localhost:8000/health || exit 1"],
                "interval": 30,
                "timeout": 5,
                "retries": 3,
                "startPeriod": 60,
            },
        }
    ],
}
SCRIPT = """#!/bin/bash
# deploy-aws.sh

set -e

# 변수 설정
AWS_REGION="us-west-2"
ECR_REPOSITORY="nutrition-label-api"
CLUSTER_NAME="nutrition-api-cluster"
SERVICE_NAME="nutrition-api-service"

# ECR 로그인
aws ecr get-login-password --region $AWS_REGION | docker login --username AWS \
--password-stdin $AWS_ACCOUNT_ID.dkr.ecr.$AWS_REGION.amazonaws.com

# 이미지 빌드 및 푸시
docker build -t $ECR_REPOSITORY .
docker tag $ECR_REPOSITORY:latest $AWS_ACCOUNT_ID.dkr.ecr.$AWS_REGION.amazonaws.com/$ECR_REPOSITORY:latest
docker push $AWS_ACCOUNT_ID.dkr.ecr.$AWS_REGION.amazonaws.com/$ECR_REPOSITORY:latest

# ECS 서비스 업데이트
aws ecs update-service --cluster $CLUSTER_NAME --service $SERVICE_NAME --force-new-deployment

echo "배포 완료!"
"""
GOOD_SCRIPT = """#!/bin/bash
set -euo pipefail
AWS_REGION="eu-central-1"
tag=$(git rev-parse HEAD)
docker build --platform linux/amd64 -t "registry.example.com/label-api:$tag" .
docker push "registry.example.com/label-api:$tag"
arn=$(aws ecs register-task-definition --cli-input-json file://task.json)
aws ecs update-service --task-definition "$arn" --deployment-configuration 'deploymentCircuitBreaker={enable=true}'
aws ecs wait services-stable
"""
DOCKERFILE = """# Build stage
FROM python:3.11-slim as builder

WORKDIR /app

# 시스템 의존성 설치
RUN apt-get update && apt-get install -y \\
    gcc \\
    g++ \\
    && rm -rf /var/lib/apt/lists/*

# Python 의존성 설치
COPY requirements.txt .
RUN pip install --no-cache-dir --user -r requirements.txt

# Production stage
FROM python:3.11-slim

# 비root 사용자 생성
RUN groupadd -r appuser && useradd -r -g appuser appuser

WORKDIR /app

# 빌드된 패키지 복사
COPY --from=builder /root/.local /home/appuser/.local
ENV PATH=/home/appuser/.local/bin:$PATH

# 애플리케이션 코드 복사
COPY decodeat/ ./decodeat/
COPY gcp-key.json .

# 권한 설정
RUN chown -R appuser:appuser /app
USER appuser

# 헬스체크 추가
HEALTHCHECK --interval=30s --timeout=30s --start-period=5s --retries=3 \\
    CMD curl -f http://localhost:8000/health || exit 1

# 환경 변수 설정
ENV GOOGLE_APPLICATION_CREDENTIALS=/app/gcp-key.json
ENV PYTHONPATH=/app

EXPOSE 8000

# Gunicorn으로 실행
CMD ["gunicorn", "decodeat.main:app", "-w", "4", "-k", "uvicorn.workers.UvicornWorker", "--bind", "0.0.0.0:8000"]
"""
# What is named in each of them, by the numbers of the guide's mistakes.
NAMED = {
    "task-definition.json": {9, 11, 22, 24, 28, 30},
    "deploy-aws.sh": {22, 24, 28, 29, 30},
    "Dockerfile": {10, 11, 22, 24},
}


def view(home: Path, looked_at: Seen | None = None, more: str = "") -> EcsView:
    return EcsView((looked_at or Seen()).place(home, SETTINGS + more), {})


def numbers(found: EcsView, name: str, text: str) -> dict[int, str]:
    """Return what is found by the number of its defect; several of a number are joined."""
    said: dict[int, str] = {}
    for one in found.compared({name: text}).defects:
        said[one.number] = f"{said.get(one.number, '')} {one.found}".strip()
        assert one.instead
    return said


def test_the_guides_task_definition_has_its_mistakes_named(tmp_path: Path) -> None:
    said = numbers(view(tmp_path), "task-definition.json", json.dumps(BY_HAND))
    assert set(said) == NAMED["task-definition.json"]
    assert "latest" in said[28]
    assert "executionRoleArn" in said[30] and "secrets.GEMINI_API_KEY" in said[30]
    assert "awslogs-region is us-west-2" in said[30]
    assert "no Google credentials" in said[30]
    assert "curl" in said[11]
    assert "capability" in said[22]
    assert "cpuArchitecture" in said[24]


def test_a_key_file_without_a_volume_is_in_the_image(tmp_path: Path) -> None:
    (container,) = BY_HAND["containerDefinitions"]
    key = {"name": "GOOGLE_APPLICATION_CREDENTIALS", "value": "/app/gcp-key.json"}
    told = {**BY_HAND, "containerDefinitions": [{**container, "environment": [key]}]}  # type: ignore[dict-item]
    assert "/app/gcp-key.json" in numbers(view(tmp_path), "task.json", json.dumps(told))[10]
    mounted = {**told, "volumes": [{"name": "keys"}]}
    assert 10 not in numbers(view(tmp_path), "task.json", json.dumps(mounted))


def test_the_guides_script_has_its_mistakes_named(tmp_path: Path) -> None:
    said = numbers(view(tmp_path), "deploy-aws.sh", SCRIPT)
    assert set(said) == NAMED["deploy-aws.sh"]
    for words in ("never registers", "tag latest", "never waits", "circuit breaker"):
        assert words in said[28]
    assert "AWS_ACCOUNT_ID" in said[30] and "us-west-2" in said[30]
    assert "pipefail" in said[29]


def test_the_guides_dockerfile_has_its_mistakes_named(tmp_path: Path) -> None:
    said = numbers(view(tmp_path), "Dockerfile", DOCKERFILE)
    assert set(said) == NAMED["Dockerfile"]
    assert "gcp-key.json" in said[10] and "curl" in said[11]


def test_what_is_right_has_no_mistake(tmp_path: Path) -> None:
    found = view(tmp_path)
    assert numbers(found, "deploy.sh", GOOD_SCRIPT) == {}
    ours = documents.task_definition(found.place, "r1", "registry.example.com/demo@sha256:" + "0" * 64, {})
    assert set(numbers(found, "task.json", json.dumps(ours))) <= {30}  # this service reads without Google


def test_by_hand_is_compared_with_ecss_defaults_on_both_sides(tmp_path: Path) -> None:
    found = view(tmp_path).compared({"task.json": json.dumps(BY_HAND), "deploy.sh": SCRIPT})
    before, after = found.texts["task.json"]
    assert all(words in before for words in ('"hostPort": 8000', '"essential": true'))  # which nobody wrote
    assert documents.LATER["image"] in after
    assert set(found.texts) == {"task.json"}
    assert found.against == "task.json, deploy.sh"
    assert [one.number for one in found.defects] == sorted(one.number for one in found.defects)


@pytest.mark.parametrize("text", ["a note", '{"some": "json"}', '{"broken"'])
def test_a_file_of_no_known_kind_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(Usage, match=r"notes can't be compared"):
        view(tmp_path).compared({"notes": text})


def deployed(home: Path, more: str = "", **changed: Any) -> EcsView:
    """Return a view of a service that runs what the settings say, but for what is `changed`."""
    looked_at = Seen()
    place = view(home, looked_at, more).place
    secrets = {
        name: f"arn:aws:secretsmanager:eu-central-1:123456789012:secret:demo-production-AbCdEf:{name}::v1"
        for name in place.loaded.settings.service.secrets
    }
    task = documents.task_definition(place, TWO.id, TWO.image, secrets) | changed
    answered = {**definition(TWO), **task, "status": "ACTIVE", "revision": 2, "compatibilities": ["EC2", "FARGATE"]}
    tagged = looked_at.aws().answers["ecs:DescribeTaskDefinition"]({"taskDefinition": TWO.task_definition})  # type: ignore[operator]
    looked_at.more["ecs:DescribeTaskDefinition"] = {**tagged, "taskDefinition": answered}
    looked_at.service = documents.service(place, TWO.task_definition)
    return view(home, looked_at, more)


def test_what_runs_as_the_settings_say_has_no_difference(tmp_path: Path) -> None:
    found = deployed(tmp_path, '[service.secrets]\nGEMINI_API_KEY = "env:KEY"\n').compared({})
    assert found.release == TWO.id
    for name, (before, after) in found.texts.items():
        assert before == after, name


def test_a_difference_from_what_runs_is_shown(tmp_path: Path) -> None:
    before, after = deployed(tmp_path, cpu="512").compared({}).texts["task-definition.json"]
    assert '"cpu": "512"' in before and '"cpu": "1024"' in after


def test_before_the_first_deploy_all_is_new(tmp_path: Path) -> None:
    found = view(tmp_path, Seen(service=None)).compared({})
    assert (found.release, found.against) == ("", "nothing: there is no release yet")
    assert all(before == "" for before, _ in found.texts.values())


@pytest.fixture
def loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Loaded:
    opened = view(tmp_path)
    monkeypatch.setattr(wired, "open_view", lambda loaded: opened)
    return opened.place.loaded


def test_render_shows_the_diff_and_the_mistakes_in_words(tmp_path: Path, loaded: Loaded) -> None:
    file = tmp_path / "task-definition.json"
    file.write_text(json.dumps(BY_HAND))
    outcome = wired.render(loaded, None, True, (file,))
    assert outcome.data["differing"] == [str(file)]
    assert {one["number"] for one in outcome.data["defects"]} >= {28, 30, 11, 22, 24}
    assert {one["where"] for one in outcome.data["defects"]} == {str(file)}
    assert "mistakes in" in outcome.summary
    assert f"--- {file}" in outcome.data["diff"]
    titles = [block.title for block in outcome.blocks]
    assert titles[-1] == "Known mistakes"


def test_render_of_a_script_names_mistakes_alone(tmp_path: Path, loaded: Loaded) -> None:
    file = tmp_path / "deploy-aws.sh"
    file.write_text(SCRIPT)
    outcome = wired.render(loaded, None, False, (file,))
    assert outcome.summary == f"6 known mistakes in {file} are corrected."
    assert outcome.data["diff"] == ""


def test_render_refuses_a_file_that_is_not_there(tmp_path: Path, loaded: Loaded) -> None:
    with pytest.raises(Usage, match="can't be read"):
        wired.render(loaded, None, True, (tmp_path / "nowhere.json",))
