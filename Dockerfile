# One image for every service and for the command line; docker-compose.yml says what each runs.
# The pages are the same for each platform: build them on the machine's own.
FROM --platform=$BUILDPLATFORM node:24-bookworm-slim AS screen
WORKDIR /src/web
COPY web ./
COPY projections/*.json /src/projections/
COPY projections/views/*.json /src/projections/views/
RUN npm ci && npm run build

FROM python:3.12-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /src
RUN python -m venv /opt/lapstream
ENV PATH=/opt/lapstream/bin:$PATH
# The lock comes first: a change of the code alone leaves this layer as it is.
COPY requirements.image.lock ./
RUN python -m pip install --require-hashes --requirement requirements.image.lock
COPY pyproject.toml README.md LICENSE ./
COPY events events
COPY projections projections
COPY replay replay
COPY services services
COPY --from=screen /src/services/screen services/screen
RUN python -m pip install --no-deps --no-build-isolation .

FROM python:3.12-slim-bookworm
# By number everywhere: Kubernetes cannot see whether a name is root's.
RUN groupadd --gid 10001 lapstream \
    && useradd --uid 10001 --gid 10001 --create-home lapstream
COPY --from=build /opt/lapstream /opt/lapstream
# Bytecode was compiled by pip; the image is read-only where it runs.
ENV PATH=/opt/lapstream/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    LAPSTREAM_LOG_FORMAT=json
USER 10001:10001
WORKDIR /home/lapstream
CMD ["lapstream", "--help"]
