FROM python:3.11.13-slim-bookworm@sha256:86adf8dbadc3d6e82ee5dd2c74bec2e1c2467cdad47886280501df722372d2e1 AS build
WORKDIR /src
RUN python -m venv /venv
COPY requirements.lock ./
RUN /venv/bin/pip install --no-cache-dir --require-hashes -r requirements.lock
COPY . .
RUN /venv/bin/pip install --no-cache-dir --no-deps --no-build-isolation . \
 && /venv/bin/pip uninstall --yes pip setuptools

FROM python:3.11.13-slim-bookworm@sha256:86adf8dbadc3d6e82ee5dd2c74bec2e1c2467cdad47886280501df722372d2e1
RUN groupadd --gid 10001 hybrid && useradd --uid 10001 --gid hybrid --no-create-home --shell /usr/sbin/nologin hybrid
# where the dashboard's certificate is made (docker-compose.yml); a volume mounted there takes its owner from here
RUN openssl version && install --directory --owner hybrid --group hybrid --mode 0700 /app/certificate
COPY --from=build /venv /venv
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 MALLOC_ARENA_MAX=1
WORKDIR /app
USER 10001:10001
STOPSIGNAL SIGTERM
CMD ["hybrid", "--help"]
