FROM python:3.13-slim-bookworm
RUN pip install --no-cache-dir uv && useradd --create-home --uid 1000 chorus && install -d -o chorus /data
WORKDIR /app
COPY requirements.lock .
RUN uv pip install --system --no-cache --require-hashes -r requirements.lock
COPY --chown=chorus . .
USER chorus
ENV PYTHONUNBUFFERED=1 DATA_DIR=/data HOST=0.0.0.0
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=15s --timeout=3s --start-period=20s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/readyz', timeout=2)"]
CMD ["python", "-m", "bot", "run"]
