"""Health checks of the containers: `web` asks /readyz, `beat` looks at its schedule's age."""

import http.client
import os
import sys
import time
from pathlib import Path

_PORT = 8000
# Celery beat writes its schedule down every three minutes.
_BEAT_LIMIT = 600


def web() -> bool:
    """Whether the site, its database and its Redis answer."""
    connection = http.client.HTTPConnection("127.0.0.1", _PORT, timeout=5)
    host = os.environ["ALLOWED_HOSTS"].split(",")[0]
    try:
        connection.request("GET", "/readyz", headers={"Host": host})
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def beat() -> bool:
    """Whether beat has written its schedule down lately."""
    ages = [time.time() - file.stat().st_mtime for file in Path("/tmp").glob("beat-schedule*")]
    return bool(ages) and min(ages) < _BEAT_LIMIT


if __name__ == "__main__":
    sys.exit(0 if {"web": web, "beat": beat}[sys.argv[1]]() else 1)
