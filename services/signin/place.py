"""Where this process runs and listens, and whether that may be without sign-in."""

import ipaddress
import os
import socket
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path

from services.settings import AuthMode

SIGNS_OF_AZURE = (
    "WEBSITE_SITE_NAME",
    "WEBSITE_INSTANCE_ID",
    "CONTAINER_APP_NAME",
    "CONTAINER_APP_REVISION",
    "IDENTITY_ENDPOINT",
    "MSI_ENDPOINT",
)
EXIT_REFUSED = 2


def signs_of_azure(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return the names of the variables by which one knows that this is App Service, Container Apps or a machine alike."""
    return tuple(name for name in SIGNS_OF_AZURE if environ.get(name))


def headers_are_the_platforms(environ: Mapping[str, str]) -> bool:
    """Return whether a proxy of the platform stands before this process and writes who signed in: in Container Apps, and in
    App Service where it says that its authentication is on. Elsewhere whoever connects could write that."""
    if environ.get("CONTAINER_APP_NAME"):
        return True
    return (
        bool(environ.get("WEBSITE_SITE_NAME")) and environ.get("WEBSITE_AUTH_ENABLED", "").lower() == "true"
    )


def refusal(mode: AuthMode, environ: Mapping[str, str], addresses: Iterable[str] = ()) -> str:
    """Return why the dashboard must not run like this; empty when it may. *addresses*: those it listens on."""
    if mode != "none":
        return ""
    if found := signs_of_azure(environ):
        return (
            f"RELAYDECK_AUTH=none is refused: this process runs in Azure ({', '.join(found)}), where others can reach it. "
            "Set RELAYDECK_AUTH to easyauth or oidc: docs/signin.md says how."
        )
    open_to_others = sorted({one for one in addresses if not is_loopback(one)})
    if open_to_others:
        return (
            f"RELAYDECK_AUTH=none is refused: the dashboard would listen on {', '.join(open_to_others)}, where others can "
            "reach it without signing in. Listen on 127.0.0.1, or set RELAYDECK_AUTH to oidc: docs/signin.md says how."
        )
    return ""


def misunderstood(asked: str, mode: AuthMode) -> str:
    """Return why nothing may be started when RELAYDECK_AUTH says *asked* and was read as *mode*: whoever asks for sign-in
    must not get a dashboard without it. Empty when it was read as it was meant."""
    if asked in ("", mode):
        return ""
    return f"RELAYDECK_AUTH={asked} cannot be used, and without sign-in nothing is started."


def is_loopback(address: str) -> bool:
    """Return whether only this machine reaches *address*; a name other than localhost is not looked up, and is not."""
    if address.lower() == "localhost":
        return True
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(parsed, "ipv4_mapped", None)
    return (mapped or parsed).is_loopback


def listening_on() -> frozenset[str]:
    """Return the addresses that this process accepts connections on now, whoever told it to. Empty where the system does not
    say (Windows): there each connection is looked at instead."""
    found: set[str] = set()
    folder = next((one for one in (Path("/proc/self/fd"), Path("/dev/fd")) if one.is_dir()), None)
    for entry in folder.iterdir() if folder else ():
        try:
            number = int(entry.name)
            if not stat.S_ISSOCK(os.fstat(number).st_mode):
                continue
            with socket.socket(fileno=os.dup(number)) as one:
                accepts = one.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
                if accepts and one.family in (socket.AF_INET, socket.AF_INET6):
                    found.add(str(one.getsockname()[0]))
        except (OSError, ValueError):
            continue  # it was closed meanwhile
    return frozenset(found)
