"""Whether the dashboard of this container lives: exit code 0 when it does, else 1. Standard library only.

The server answers 200 to unknown paths as well, with the start page: only the body tells.
"""

import http.client
import os
import sys
from collections.abc import Mapping

PATH, HEALTHY = "/_stcore/health", b"ok"
EVERYWHERE = ("", "0.0.0.0", "::")  # noqa: S104 - compared with, not listened on
TIMEOUT_S = 4.0


def main(environ: Mapping[str, str]) -> int:
    address = environ.get("STREAMLIT_SERVER_ADDRESS", "")
    host = "127.0.0.1" if address in EVERYWHERE else address
    try:
        connection = http.client.HTTPConnection(
            host, int(environ.get("STREAMLIT_SERVER_PORT", "8501")), timeout=TIMEOUT_S
        )
        connection.request("GET", PATH)
        reply = connection.getresponse()
        body = reply.read(100)
    except (OSError, ValueError, http.client.HTTPException) as exc:
        return said(f"{PATH} does not answer: {exc}")
    return 0 if (reply.status, body) == (200, HEALTHY) else said(f"{PATH} answers {reply.status} {body!r}")


def said(why: str) -> int:
    sys.stderr.write(f"{why}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(os.environ))
