# syntax=docker/dockerfile:1
# One image for every service; docker-compose.yml gives the commands and the health checks.
#
#   docker build -t tapewatch:local .
#   docker build -t tapewatch:cpu --build-arg TORCH_INDEX_URL=URL_OF_AN_INDEX_OF_CPU_BUILDS .
#
# Without TORCH_INDEX_URL, torch comes from pip's own index: on Linux that build brings CUDA
# along, runs without a GPU too, and makes the image several GB larger.

ARG PYTHON_IMAGE=python:3.11-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 UV_NO_CACHE=1 UV_COMPILE_BYTECODE=1
WORKDIR /src
COPY requirements/ requirements/
RUN pip install --require-hashes -r requirements/uv.lock && python -m venv /opt/tapewatch

# The large layers first: they change only with the locks.
ARG TORCH_INDEX_URL=
RUN /opt/tapewatch/bin/pip install ${TORCH_INDEX_URL:+--index-url "$TORCH_INDEX_URL"} \
    -r requirements/torch.txt
RUN uv pip install --python /opt/tapewatch --require-hashes --no-deps -r requirements/serve.lock

COPY pyproject.toml README.md LICENSE ./
COPY alerts/ alerts/
COPY db/ db/
COPY models/ models/
COPY pipeline/ pipeline/
RUN uv build --wheel --build-constraints requirements/dev.lock --out-dir dist \
    && uv pip install --python /opt/tapewatch --no-deps dist/*.whl \
    && uv pip check --python /opt/tapewatch \
    && /opt/tapewatch/bin/tapewatch --help

FROM ${PYTHON_IMAGE}
RUN useradd --system --uid 10001 --user-group --home-dir /nonexistent --shell /usr/sbin/nologin tapewatch
COPY --from=build /opt/tapewatch /opt/tapewatch
# The containers are read-only but for /tmp; nothing is fetched from a model hub unless
# TAPEWATCH_MODEL__PATH names a model there.
ENV PATH=/opt/tapewatch/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HOME=/tmp HF_HOME=/tmp/huggingface
WORKDIR /tmp
USER 10001:10001
ENTRYPOINT ["tapewatch"]
CMD ["--help"]
