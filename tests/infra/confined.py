"""Runs a program as a container would: a read-only root, two folders to write to, no network, no rights. Linux, as root.

What happens inside is told by inside.py, which is run there; nothing of it needs a container runtime.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

UID = 10001
INSIDE = Path(__file__).with_name("inside.py")
# $1 the root, $2 the folder to start in, $3 rights that are kept, then the folders to write to, then -- and the program.
CONFINE = """
set -eu
root=$1; shift; folder=$1; shift; rights=$1; shift
if [ "$root" != / ]; then mount --bind "$root" "$root"; fi
while [ "$1" != -- ]; do
  if [ "$root" = / ]; then mount --bind "$1" "$1"
  else mount -t tmpfs -o mode=0700,uid=UID,gid=UID tmpfs "$root$1"; fi
  shift
done
shift
mount -o remount,bind,ro "$root"
if [ "$root" != / ]; then
  mount -t proc proc "$root/proc"
  mount --rbind /dev "$root/dev"
  mount -t tmpfs tmpfs "$root/dev/shm"
elif mountpoint -q /tmp; then mount -o remount,bind,ro /tmp; fi
ip link set lo up
if [ "$root" != / ]; then exec setpriv --no-new-privs chroot --userspec=UID:UID --groups= --skip-chdir "$root" "$@"; fi
cd "$folder"
exec setpriv --reuid=UID --regid=UID --clear-groups --no-new-privs \\
  --inh-caps=-all$rights --ambient-caps=-all$rights --bounding-set=-all$rights "$@"
""".replace("UID", str(UID))


@dataclass(frozen=True, slots=True)
class Place:
    """Where a program runs. *root*: `/`, or the file system of an image. *folder*: where it starts."""

    folder: Path
    writable: Sequence[Path]
    python: str = sys.executable
    root: Path = Path("/")


def why_not() -> str:
    """Return why nothing can be confined here; empty when it can."""
    if sys.platform != "linux":
        return "only Linux has namespaces"
    if os.geteuid() != 0:
        return "only root may make a root file system read-only"
    missing = [
        name
        for name in ("unshare", "mount", "mountpoint", "setpriv", "ip", "chroot")
        if not shutil.which(name)
    ]
    if missing:
        return f"there is no {', '.join(missing)}"
    tried = subprocess.run(
        ["unshare", "--mount", "--net", "--pid", "--fork", "true"], capture_output=True, check=False
    )
    return "" if tried.returncode == 0 else "no namespace may be made here"


def run(
    place: Place, plan: Mapping[str, Any], environment: Mapping[str, str], timeout_s: float = 90.0
) -> dict[str, Any]:
    """Return what inside.py tells of *plan*, carried out in *place* with no other variables than *environment*."""
    clean = ["env", "-i", *(f"{name}={value}" for name, value in environment.items())]
    program = [
        *clean,
        place.python,
        "-ISc",
        INSIDE.read_text("utf-8"),
        json.dumps({**plan, "folder": str(place.folder)}),
    ]
    command = [
        *("unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--propagation", "private"),
        *("sh", "-c", CONFINE, "sh", str(place.root), str(place.folder), _rights(place)),
        *(*map(str, place.writable), "--", *program),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout_s, check=False)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def _rights(place: Place) -> str:
    """Return the one right that is kept, to read, where this Python lies in a folder that only root may enter."""
    closed = (
        place.root == Path("/")
        and any(not folder.stat().st_mode & 0o001 for folder in Path(place.python).resolve().parents)
    )  # fmt: skip
    return ",+dac_read_search" if closed else ""
