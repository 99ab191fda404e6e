"""Refuses every connection and every look-up of a name beyond this machine, and writes down that somebody tried.

Python imports this file by itself in every process that has its folder on PYTHONPATH: the tests, and all that they start
(the dashboard, Local Azure, the Functions host, the commands). RELAYDECK_TEST_LOOPBACK_ONLY names the file that the
attempts go to, one JSON object a line. Only what Python's own sockets do is seen; what native code does, Chromium, node
and uvloop, is counted by the kernel in chaos/egress.py.
"""

import ipaddress
import json
import os
import socket
import sys
import traceback

RECORD = "RELAYDECK_TEST_LOOPBACK_ONLY"
LOOKUPS = ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr")
PLACES = ("socket.connect", "socket.sendto", "socket.sendmsg", "socket.bind")
# Setting things up is no part of the product: run.py and its tests install packages from PyPI.
SET_UP = (("-m", "pip"), ("-m", "ensurepip"), ("-m", "uv"))


def stays_here(host: object) -> bool:
    """Return whether *host*, a name or an address, is this machine. None and the empty name: a look-up for listening."""
    if host is None:
        return True
    name = (host.decode("idna") if isinstance(host, bytes) else str(host)).partition("%")[0].lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def target(event: str, given: tuple[object, ...]) -> object:
    """Return the host that *event* leads to; None when it leads nowhere."""
    if event in LOOKUPS:
        return given[0] or None
    address = given[1]
    return (
        address[0] if isinstance(address, tuple) and address else None
    )  # a text names a file on this machine


def watch(event: str, given: tuple[object, ...]) -> None:
    if event not in LOOKUPS and event not in PLACES:
        return
    host = target(event, given)
    if stays_here(host):
        return
    if event in LOOKUPS and str(host).endswith(
        ".invalid"
    ):  # RFC 6761: nobody has such a name, and no one need be asked
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    note(event, host)
    raise PermissionError(f"{event} {host!r}: tests stay on this machine")


def note(event: str, host: object) -> None:
    line = {
        "event": event,
        "host": str(host),
        "pid": os.getpid(),
        "program": sys.orig_argv[:6],
        "test": os.environ.get("PYTEST_CURRENT_TEST", ""),
        "place": [f"{frame.filename}:{frame.lineno}" for frame in traceback.extract_stack()[-9:-2]],
    }
    with open(os.environ[RECORD], "a", encoding="utf-8") as record:  # noqa: PTH123 - as little as can be imported
        record.write(json.dumps(line) + "\n")


def install() -> None:
    """From now on, for as long as the process lives: a hook of this kind cannot be taken away."""
    words = tuple(sys.orig_argv[1:3])
    if RECORD in os.environ and words not in SET_UP and not getattr(sys, "_relaydeck_stays_here", False):
        sys._relaydeck_stays_here = True  # type: ignore[attr-defined]  # once, also where two copies are imported
        sys.addaudithook(watch)


install()
