"""The guide's own files for a machine, shortened: each mistake is found by its number, and our files have none."""

from pathlib import Path

import pytest

from decodeat_ops.core.errors import Usage
from decodeat_ops.targets.vm.handwritten import parse
from tests.unit.targets.vm.recorded import said
from tests.unit.targets.vm.told import Told, place_of

COMPOSE = """version: '3.8'
services:
  nutrition-api:
    build:
      context: .
    ports:
      - "8000:8000"
    environment:
      - GEMINI_API_KEY=${GEMINI_API_KEY}
      - WORKERS=4
    volumes:
      - ./gcp-key.json:/app/gcp-key.json:ro
    healthcheck:
      test: ["CMD", "curl", "-f", "http://localhost:8000/health"]
  nginx:
    image: nginx:alpine
    ports:
      - "80:80"
      - "443:443"
    depends_on:
      - nutrition-api
  redis:
    image: redis:alpine
    ports:
      - "6379:6379"
"""
NGINX = """events {}
http {
    upstream nutrition_api { server nutrition-api:8000; }
    limit_req_zone $binary_remote_addr zone=api:10m rate=10r/m;
    server {
        listen 443 ssl http2;
        ssl_certificate /etc/nginx/ssl/cert.pem;
        ssl_ciphers ECDHE-RSA-AES256-GCM-SHA512:DHE-RSA-AES256-GCM-SHA512;
        add_header X-Frame-Options DENY;
        add_header X-XSS-Protection "1; mode=block";
        add_header Strict-Transport-Security "max-age=63072000; includeSubDomains; preload";
        location /api/ {
            limit_req zone=api burst=20 nodelay;
            proxy_pass http://nutrition_api;
            proxy_set_header Host $host;
            proxy_read_timeout 120s;
            client_max_body_size 20M;
        }
        location /health {
            proxy_pass http://nutrition_api;
        }
        location /docs {
            proxy_pass http://nutrition_api;
        }
        location / {
            return 200 '{"status": "ok"}';
            add_header Content-Type application/json;
        }
    }
}
"""
DOCKERFILE = """FROM python:3.11-slim as builder
RUN apt-get update && apt-get install -y \\
    gcc
RUN pip install --no-cache-dir --user -r requirements.txt
FROM python:3.11-slim
COPY gcp-key.json .
HEALTHCHECK --interval=30s --start-period=5s --retries=3 \\
    CMD curl -f http://localhost:8000/health || exit 1
CMD ["gunicorn", "decodeat.main:app", "-w", "4", "-k", "uvicorn.workers.UvicornWorker"]
"""
SCRIPT = """#!/bin/bash
set -e
source .env.production
docker build -t nutrition-api .
echo "$PASSWORD" | docker login --username ops --password-stdin registry.example.com
docker-compose -f docker-compose.prod.yml up -d --force-recreate
ufw --force enable
ufw allow ssh
"""


def numbers(home: Path, name: str, text: str) -> set[int]:
    found = parse(name, text).defects(place_of(home, Told("a", said())))
    assert all(one.where == name and one.found and one.instead for one in found)
    assert [one.number for one in found] == sorted(one.number for one in found)
    return {one.number for one in found}


@pytest.mark.parametrize(
    ("name", "text", "wanted"),
    [
        ("docker-compose.prod.yml", COMPOSE, {9, 11, 12, 13, 14, 17, 22, 23}),
        ("nginx.conf", NGINX, {1, 2, 3, 4, 5, 6, 7, 8, 9}),
        ("Dockerfile", DOCKERFILE, {10, 11, 17, 19, 21, 22, 24}),
        ("deploy.sh", SCRIPT, {9, 15, 22, 23, 29, 41}),
    ],
)
def test_each_of_the_guides_mistakes_is_found_by_its_number(
    tmp_path: Path, name: str, text: str, wanted: set[int]
) -> None:
    assert numbers(tmp_path, name, text) == wanted


def test_what_is_mended_is_not_found(tmp_path: Path) -> None:
    mended = NGINX.replace("ECDHE-RSA-AES256-GCM-SHA512:DHE-RSA-AES256-GCM-SHA512", "ECDHE-RSA-AES128-GCM-SHA256")
    mended = mended.replace('add_header X-XSS-Protection "1; mode=block";', "").replace("; preload", "")
    assert 1 not in numbers(tmp_path, "nginx.conf", mended)
    assert numbers(tmp_path, "deploy.sh", "#!/bin/sh\nufw allow ssh\nufw enable\n") == set()
    assert 12 not in numbers(tmp_path, "compose.yml", COMPOSE.replace('      - "6379:6379"\n', ""))


def test_the_file_of_ours_that_takes_its_place_is_named() -> None:
    assert parse("x", COMPOSE).counterpart == "compose.yaml"
    assert parse("x", NGINX).counterpart == "edge/nginx/nginx.conf"
    assert parse("x", SCRIPT).counterpart == parse("x", DOCKERFILE).counterpart == ""


def test_what_is_none_of_these_is_refused() -> None:
    with pytest.raises(Usage, match=r"notes\.txt can't be compared"):
        parse("notes.txt", "hello")
