# Two targets: `litert`, the default, and `tensorflow`, which serves the same models through their SavedModels.

FROM docker.io/library/python:3.11-slim-bookworm AS packages
WORKDIR /build
# Without pip inside: the image installs nothing at run time.
RUN python -m venv --without-pip /opt/venv
COPY requirements/service.txt .
RUN pip --python /opt/venv/bin/python install --no-cache-dir --require-hashes -r service.txt

FROM packages AS packages-tensorflow
COPY requirements/tensorflow.txt .
RUN pip --python /opt/venv/bin/python install --no-cache-dir --require-hashes -r tensorflow.txt

FROM docker.io/library/python:3.11-slim-bookworm AS runtime
LABEL org.opencontainers.image.title="squint" \
      org.opencontainers.image.description="Upload any picture, get a class name and honest probabilities" \
      org.opencontainers.image.licenses="Apache-2.0"
WORKDIR /app
COPY LICENSE NOTICE ./
COPY models models
COPY service service
# Compiled here: the root file system is read-only at run time.
RUN python -m compileall -q service
ENV PATH=/opt/venv/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 SQUINT_HOST=0.0.0.0
# As `python -m service serve` sets them: glibc gives back what a large picture took.
ENV MALLOC_ARENA_MAX=2 MALLOC_MMAP_THRESHOLD_=4194304 MALLOC_TRIM_THRESHOLD_=8388608
EXPOSE 8000
USER 10001:10001
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s CMD ["python", "-m", "service", "health"]
CMD ["gunicorn", "--config", "service/gunicorn.conf.py"]

FROM runtime AS tensorflow
COPY --from=packages-tensorflow /opt/venv /opt/venv
ENV SQUINT_ENGINE=tensorflow

FROM runtime AS litert
COPY --from=packages /opt/venv /opt/venv
