# The worker: messages in, predictions out. It holds the models of models/, so that one digest is one model.
#   docker build -f docker/worker.Dockerfile -t rowcall-worker .
# Other models: mount their folder, and name it in ROWCALL_MODELS_DIR. Bytes that their manifest does not describe are
# never loaded, wherever they come from.
ARG PYTHON_IMAGE=python:3.11-slim-bookworm

FROM ${PYTHON_IMAGE} AS packages
RUN python3 -m venv --without-pip /opt/venv
COPY requirements/worker.txt /build/
RUN python3 -m pip --python /opt/venv/bin/python install --no-cache-dir --disable-pip-version-check --no-compile \
    --require-hashes --only-binary :all: -r /build/worker.txt
COPY docker/trim_packages.py /build/
RUN python3 /build/trim_packages.py /opt/venv
COPY worker /app/worker
COPY shared /app/shared
COPY models /app/models
# Compiled now, because nothing can be written where it runs: without this, each start would compile it all again. Of the
# large libraries only what the models need, which also shows that they can be loaded and predict.
RUN cd /app && /opt/venv/bin/python -m compileall -q -x '/(botocore|numpy|pandas|pyarrow|scipy|sklearn)/' /opt/venv/lib . \
    && /opt/venv/bin/python -c "from pathlib import Path; from worker.lean_imports import import_scikit_learn; \
import_scikit_learn(); import boto3, pandas, worker.app; from worker.predictors import Predictors; \
Predictors.load(Path('models'), ())"

FROM ${PYTHON_IMAGE}
ARG VERSION=unreleased
ARG REVISION=unknown
LABEL org.opencontainers.image.title="rowcall-worker" \
      org.opencontainers.image.description="Takes prediction jobs from queues and answers them with scikit-learn" \
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
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    ROWCALL_MODELS_DIR=/app/models \
    ROWCALL_HEALTH_FILE=/tmp/worker.health \
    ROWCALL_DATA_DIR=/var/lib/rowcall
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=10s --start-period=120s --retries=3 \
    CMD ["python", "-m", "worker.health"]
ENTRYPOINT ["python", "-m", "shared.entrypoint"]
CMD ["python", "-m", "worker"]
