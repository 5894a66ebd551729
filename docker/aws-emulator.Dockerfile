# S3 and SQS for trying things out: moto's server with the bucket and the queues of docker/aws.env. Nothing of it is kept.
ARG PYTHON_IMAGE=python:3.11-slim-bookworm

FROM ${PYTHON_IMAGE} AS packages
RUN python3 -m venv --without-pip /opt/venv
COPY requirements/emulator.txt /build/
RUN python3 -m pip --python /opt/venv/bin/python install --no-cache-dir --disable-pip-version-check --compile \
    --require-hashes --only-binary :all: -r /build/emulator.txt

FROM ${PYTHON_IMAGE}
COPY --from=packages /opt/venv /opt/venv
COPY docker/aws_emulator.py /app/
WORKDIR /app
USER 10001:10001
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1
EXPOSE 5000
STOPSIGNAL SIGINT
HEALTHCHECK --interval=2s --timeout=3s --start-period=60s --retries=15 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:5000/moto-api/', timeout=2)"]
ENTRYPOINT ["python", "aws_emulator.py"]
