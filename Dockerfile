# The production image: web, worker, beat and migrate differ only by their command.
FROM python:3.11.14-slim-bookworm AS build
RUN python -m venv /venv
COPY requirements/base.txt /tmp/base.txt
RUN /venv/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r /tmp/base.txt

FROM python:3.11.14-slim-bookworm
ENV PATH=/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    DJANGO_SETTINGS_MODULE=marketplace.settings \
    STATIC_ROOT=/app/static \
    MEDIA_ROOT=/media
RUN groupadd --gid 10001 fairclick \
    && useradd --uid 10001 --gid 10001 --no-create-home --shell /usr/sbin/nologin fairclick \
    # A new volume takes over the owner of the folder that it covers.
    && install --directory --owner 10001 --group 10001 /media
COPY --from=build /venv /venv
WORKDIR /app
COPY . .
# Neither command opens a connection; the values are of this line only. The root file system is
# read-only at run time, so byte code is made here.
RUN SECRET_KEY=only-for-collectstatic-which-signs-nothing-0123456789-abcdef \
    DATABASE_URL=postgresql://nobody@127.0.0.1:1/none REDIS_URL=redis://127.0.0.1:1/0 \
    python manage.py collectstatic --noinput \
    && python -m compileall -q .
USER 10001:10001
EXPOSE 8000
CMD ["granian", "--interface", "wsgi", "--host", "0.0.0.0", "--port", "8000", "--workers", "2", \
     "--blocking-threads", "2", "marketplace.wsgi:application"]
