# The API: HTTP in, messages out. It holds no model and no library that could load one.
#   docker build -f docker/api.Dockerfile -t rowcall-api .
# A release pins the base image by digest: --build-arg PYTHON_IMAGE=python:3.11-slim-bookworm@sha256:…
ARG PYTHON_IMAGE=python:3.11-slim-bookworm

FROM ${PYTHON_IMAGE} AS packages
# The image's own Python, so that the same path leads to the same interpreter in the next stage; pip stays behind here.
RUN python3 -m venv --without-pip /opt/venv
COPY requirements/api.txt /build/
# Compiled now, because nothing can be written where it runs: without this, each start would compile it all again.
RUN python3 -m pip --python /opt/venv/bin/python install --no-cache-dir --disable-pip-version-check --compile \
    --require-hashes --only-binary :all: -r /build/api.txt
COPY docker/trim_packages.py /build/
RUN python3 /build/trim_packages.py /opt/venv
COPY api /app/api
COPY shared /app/shared
RUN /opt/venv/bin/python -m compileall -q /app

FROM ${PYTHON_IMAGE}
ARG VERSION=unreleased
ARG REVISION=unknown
LABEL org.opencontainers.image.title="rowcall-api" \
      org.opencontainers.image.description="Takes prediction jobs over HTTP and puts them on queues" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
# A new named volume takes its owner from here.
RUN install -d -o 10001 -g 10001 /var/lib/rowcall
COPY --from=packages /opt/venv /opt/venv
COPY --from=packages /app /app
WORKDIR /app
USER 10001:10001
# A platform that mounts an empty volume here takes its owner and mode from this one: nothing else can be written.
VOLUME ["/tmp"]
# It listens to whoever can reach the container, so it asks for keys unless it is told not to.
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    ROWCALL_HOST=0.0.0.0 \
    ROWCALL_REQUIRE_KEYS=true \
    ROWCALL_PORT=8000 \
    ROWCALL_DATA_DIR=/var/lib/rowcall
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=4s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import http.client, os; ask = http.client.HTTPConnection('127.0.0.1', int(os.environ['ROWCALL_PORT']), timeout=3); ask.request('GET', '/livez'); raise SystemExit(ask.getresponse().status != 200)"]
ENTRYPOINT ["python", "-m", "shared.entrypoint"]
CMD ["python", "-m", "api"]
