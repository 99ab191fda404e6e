"""Makes something like the base image where no registry is reached: Debian's packages, and the Python that runs this.

python3.12 -m tests.infra.stand_in      as root, with buildah and debootstrap; the minor version must be the image's

It is not the image: its Python was built elsewhere, and no layer is Docker's. What is built on it shows that the steps of the
Dockerfile work and that the result runs, nothing of what is in the real base.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.infra.dockerfile import ROOT, Dockerfile

LIBRARIES = (
    *(
        "ca-certificates",
        "libbz2-1.0",
        "libffi8",
        "liblzma5",
        "libreadline8",
        "libsqlite3-0",
        "libssl3",
        "libuuid1",
    ),
    *("netbase", "tzdata", "zlib1g"),
)


def main() -> int:
    image = Dockerfile((ROOT / "Dockerfile").read_text("utf-8")).stages["slim"].base
    version, _, suite = image.partition(":")[2].partition("@")[0].partition("-slim-")
    if version.split(".")[:2] != [str(part) for part in sys.version_info[:2]]:
        print(f"{image} is wanted, and this is Python {sys.version.split()[0]}.", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "root"
        run("debootstrap", "--variant=minbase", f"--include={','.join(LIBRARIES)}", suite, str(root))
        container = run("buildah", "from", "scratch")
        run("buildah", "copy", "--quiet", container, str(root), "/")
        run("buildah", "copy", "--quiet", container, sys.base_prefix, "/usr/local")
        run("buildah", "run", "--isolation", "chroot", container, "ldconfig")
        run("buildah", "config", "--env", f"PATH=/usr/local/bin:{os.defpath}:/usr/sbin:/sbin", container)
        run("buildah", "commit", "--quiet", "--rm", container, image)
    print(f"{image} stands here, with Python {sys.version.split()[0]} of {sys.base_prefix}.")
    return 0


def run(*command: str) -> str:
    """Return the last line of what *command* says. Raises CalledProcessError, after its own words."""
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return (done.stdout.strip().splitlines() or [""])[-1]


if __name__ == "__main__":
    sys.exit(main())
