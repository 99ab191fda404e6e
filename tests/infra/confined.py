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
# $1 the root, $2 what is to be seen at SHOWN, then the folders to write to, then -- and the program. An image keeps no
# program but Python.
SHOWN = Path("/mnt")
CONFINE = """
set -eu
root=$1; shift
if [ "$root" = / ]; then mount --bind "$1" SHOWN; else mount --bind "$root" "$root"; fi
shift
while [ "$1" != -- ]; do
  if [ "$root" = / ]; then mount --bind "$1" "$1"
  else mount -t tmpfs -o mode=0700,uid=UID,gid=UID tmpfs "$root$1"; fi
  shift
done
shift
mount -o remount,bind,ro "$root"
if [ "$root" = / ]; then
  mount -o remount,bind,ro SHOWN
  if mountpoint -q /tmp; then mount -o remount,bind,ro /tmp; fi
else
  mount -t proc proc "$root/proc"
  mount --rbind /dev "$root/dev"
  mount -t tmpfs tmpfs "$root/dev/shm"
  mount -t tmpfs -o ro tmpfs "$root/usr/bin"
fi
ip link set lo up
exec "$@"
""".replace("UID", str(UID)).replace("SHOWN", str(SHOWN))
TOOLS = ("unshare", "mount", "mountpoint", "setpriv", "ip", "chroot", "env")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a program runs. *root*: `/`, or the file system of an image; in the first, *shown* is to be seen at SHOWN,
    whoever may enter the folders above it. *folder*: where it starts."""

    folder: Path
    writable: Sequence[Path]
    python: str = sys.executable
    root: Path = Path("/")
    shown: Path = Path("/")


def why_not() -> str:
    """Return why nothing can be confined here; empty when it can."""
    if sys.platform != "linux":
        return "only Linux has namespaces"
    if os.geteuid() != 0:
        return "only root may make a root file system read-only"
    if not SHOWN.is_dir():
        return f"there is no {SHOWN}"
    if missing := [name for name in TOOLS if not shutil.which(name)]:
        return f"there is no {', '.join(missing)}"
    tried = subprocess.run(
        ["unshare", "--mount", "--net", "--pid", "--fork", "true"], capture_output=True, check=False
    )
    return "" if tried.returncode == 0 else "no namespace may be made here"


def run(
    place: Place, plan: Mapping[str, Any], environment: Mapping[str, str], timeout_s: float = 90.0
) -> dict[str, Any]:
    """Return what inside.py tells of *plan*, carried out in *place* with no other variables than *environment*."""
    asked = json.dumps({**plan, "folder": str(place.folder)})
    command = [
        *("unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--propagation", "private"),
        *("sh", "-c", CONFINE, "sh", str(place.root), str(place.shown), *map(str, place.writable), "--"),
        *("env", "-i", *(f"{name}={value}" for name, value in environment.items())),
        *(*_without_rights(place), place.python, "-ISc", INSIDE.read_text("utf-8"), asked),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout_s, check=False)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def _without_rights(place: Place) -> list[str]:
    setpriv, chroot = shutil.which("setpriv"), shutil.which("chroot")
    assert setpriv and chroot
    if place.root != Path("/"):
        into = [chroot, f"--userspec={UID}:{UID}", "--groups=", str(place.root)]
        return [setpriv, "--no-new-privs", *into]
    # One right is kept, to read, where this Python lies in a folder that only root may enter.
    python = Path(place.python)
    closed = any(not folder.stat().st_mode & 0o001 for folder in (*python.parents, *python.resolve().parents))
    kept = "-all,+dac_read_search" if closed else "-all"
    sets = [f"--{name}={kept}" for name in ("inh-caps", "ambient-caps", "bounding-set")]
    return [setpriv, f"--reuid={UID}", f"--regid={UID}", "--clear-groups", "--no-new-privs", *sets]
