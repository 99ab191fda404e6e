"""Who sends a request to one of our own routes."""

import ipaddress

from services.access import PROCESS, Principal
from ui.asgi import Message


def principal_of(scope: Message) -> Principal | None:
    """Return who sends a request; None: nobody who may see anything. Without sign-in, this machine is served alone."""
    ends = (scope.get("client"), scope.get("server"))
    return PROCESS if all(end is None or _is_loopback(str(end[0])) for end in ends) else None


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address.removeprefix("::ffff:")).is_loopback
    except ValueError:
        return address == "localhost"
