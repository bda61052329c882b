# The analysis service. Build with:
#   docker build --build-arg VERSION=0.1.0 --build-arg REVISION="$(git rev-parse HEAD)" -t decodeat .
ARG PYTHON_IMAGE=python:3.11-slim

FROM ${PYTHON_IMAGE} AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
# A virtual environment moves to the next stage whole, and works for any user id.
RUN python -m venv /opt/decodeat
WORKDIR /build
# The lock alone first: code changes more often, and this layer is the slow one.
COPY decodeat/requirements.txt ./
RUN /opt/decodeat/bin/pip install --require-hashes --only-binary :all: -r requirements.txt
COPY decodeat/ ./decodeat/
# The service is pure Python: its directory in the environment is an installation, and needs no build backend.
RUN cp -r decodeat "$(/opt/decodeat/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/" \
    && /opt/decodeat/bin/python -m compileall -q /opt/decodeat/lib

FROM ${PYTHON_IMAGE}
ARG VERSION=0.0.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="decodeat" \
      org.opencontainers.image.description="Reads Korean nutrition labels from pictures" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates tesseract-ocr tesseract-ocr-kor \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build /opt/decodeat /opt/decodeat
ENV PATH=/opt/decodeat/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    PORT=8000
# A number, so that a platform can see that it is not root. Nothing below / is written: mount a volume for DATABASE_URL.
USER 10001:10001
WORKDIR /tmp
EXPOSE 8000
# The image has no curl. The start takes seconds: tesseract and its data are probed by /ready, not here.
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.build_opener(r.ProxyHandler({})).open(f'http://127.0.0.1:{os.environ.get(\"PORT\", \"8000\")}/health', timeout=4)"]
STOPSIGNAL SIGTERM
CMD ["python", "-m", "decodeat"]
