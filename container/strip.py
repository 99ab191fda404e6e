"""Takes out of the image what only building needs, itself included, and makes the user that it runs as."""

import shutil
import site
import sysconfig
from pathlib import Path

UID = 10001
STATE = Path("/var/relaydeck")


def strip() -> None:
    for name in ("pip", "setuptools", "wheel"):
        for packages in map(Path, site.getsitepackages()):
            for found in (*packages.glob(name), *packages.glob(f"{name}-*.dist-info")):
                shutil.rmtree(found)
        for script in Path(sysconfig.get_path("scripts")).glob(f"{name}*"):
            script.unlink()
    shutil.rmtree(Path(sysconfig.get_path("stdlib")) / "ensurepip", ignore_errors=True)  # holds pip as well


def add_user() -> None:
    """Give the number a name: some libraries ask for it."""
    with Path("/etc/passwd").open("a") as file:
        file.write(f"relaydeck:x:{UID}:{UID}::/app:/usr/sbin/nologin\n")
    with Path("/etc/group").open("a") as file:
        file.write(f"relaydeck:x:{UID}:\n")
    STATE.mkdir(mode=0o700)
    shutil.chown(STATE, UID, UID)


if __name__ == "__main__":
    strip()
    add_user()
    Path(__file__).unlink()
