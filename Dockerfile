# Relaydeck as an image: `web`, the dashboard on an Azure project, and `demo`, with Local Azure. docs/container.md tells it whole.
#
# The one base of all stages. No digest stands behind the tag, for none could be known where this was written:
# `docker buildx imagetools inspect` tells it, and from then on Dependabot keeps it.
FROM python:3.12.12-slim-bookworm AS slim

# The locked packages, in an environment of their own, which has no pip.
FROM slim AS packages
RUN ["python", "-m", "venv", "--without-pip", "/venv"]
COPY requirements.txt /
RUN ["python", "-m", "pip", "--python", "/venv/bin/python", "install", "--require-hashes", "--only-binary", ":all:", \
     "--no-cache-dir", "--disable-pip-version-check", "--requirement", "/requirements.txt"]

# What the dashboard consists of. Of emulator/ only what looks for a Local Azure: none can be started from here.
FROM slim AS web-files
WORKDIR /app
COPY LICENSE app.py pyproject.toml runtime.py ./
COPY .streamlit/config.toml .streamlit/
COPY container/ container/
COPY emulator/__init__.py emulator/connection.py emulator/steering.py emulator/supervisor.py emulator/
COPY pages/ pages/
COPY services/ services/
COPY ui/ ui/
RUN ["python", "container/seal.py", "/app"]

# And the rest of what `run.py` starts.
FROM slim AS demo-files
WORKDIR /app
COPY --from=web-files /app/ ./
COPY commands/ commands/
COPY emulator/ emulator/
COPY functions/ functions/
RUN ["python", "container/seal.py", "/app"]

# What both run on: Python without pip, and a user without rights.
FROM slim AS base
COPY container/strip.py /strip.py
RUN ["python", "/strip.py"]
COPY --from=packages /venv/ /venv/
ENV PATH=/venv/bin:/usr/local/bin:/usr/bin:/bin \
    HOME=/app \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    RELAYDECK_STATE_DIR=/var/relaydeck \
    STREAMLIT_SERVER_HEADLESS=true \
    STREAMLIT_SERVER_PORT=8501
WORKDIR /app
USER 10001:10001
EXPOSE 8501
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=4 CMD ["python", "-IS", "container/health.py"]
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Relaydeck" \
      org.opencontainers.image.description="See a question travel through Azure AI Foundry agents, Storage Queues and Azure Functions." \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"

# For a look around, on the machine's own network: without sign-in the dashboard listens on 127.0.0.1 alone.
FROM base AS demo
COPY --from=demo-files /app/ /app/
ENTRYPOINT ["python", "-m", "commands"]
CMD ["serve", "--no-browser", "--port", "8501"]

# What `docker build` and `azd` make unless told otherwise. It refuses to start without settings, and without sign-in.
FROM base AS web
COPY --from=web-files /app/ /app/
ENV RELAYDECK_MODE=azure \
    RELAYDECK_LOG_FORMAT=json \
    RELAYDECK_WITHOUT_SETTINGS=exit \
    STREAMLIT_SERVER_ADDRESS=0.0.0.0
ENTRYPOINT ["python", "-m", "streamlit", "run", "app.py"]
