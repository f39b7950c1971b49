# Two images: `slim`, the default, runs everything but plots and Parquet files; `report` has these too.
#   docker build --tag hybrid-signals .
#   docker build --tag hybrid-signals:report --target report .
# `make image-sizes` says what each stage installs, `make sbom` what is in it; VERSION and REVISION go into the labels.
FROM python:3.11.13-slim-bookworm@sha256:86adf8dbadc3d6e82ee5dd2c74bec2e1c2467cdad47886280501df722372d2e1 AS base

FROM base AS build
WORKDIR /src
RUN python -m venv /venv
COPY requirements.lock ./
RUN /venv/bin/pip install --no-cache-dir --require-hashes -r requirements.lock
COPY . .
RUN /venv/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

FROM build AS build-slim
RUN /venv/bin/pip uninstall --yes pip setuptools

FROM build AS build-report
RUN /venv/bin/pip install --no-cache-dir --require-hashes -r requirements-report.lock \
 && /venv/bin/pip uninstall --yes pip setuptools

FROM base AS runtime
RUN groupadd --gid 10001 hybrid && useradd --uid 10001 --gid hybrid --no-create-home --shell /usr/sbin/nologin hybrid
# where the dashboard's certificate is made (docker-compose.yml); a volume mounted there takes its owner from here
RUN openssl version && install --directory --owner hybrid --group hybrid --mode 0700 /app/certificate
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 MALLOC_ARENA_MAX=1
WORKDIR /app
USER 10001:10001
STOPSIGNAL SIGTERM
CMD ["hybrid", "--help"]
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="hybrid-signals" \
      org.opencontainers.image.description="Follow Polymarket traders: detect, decide, redeem, and always be able to say why." \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION" \
      org.opencontainers.image.base.name="docker.io/library/python:3.11.13-slim-bookworm" \
      org.opencontainers.image.base.digest="sha256:86adf8dbadc3d6e82ee5dd2c74bec2e1c2467cdad47886280501df722372d2e1"

FROM runtime AS report
COPY --from=build-report /venv /venv

FROM runtime AS slim
COPY --from=build-slim /venv /venv
