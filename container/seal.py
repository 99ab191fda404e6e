"""Makes a folder of the image ready to be read only: compiled, readable by everybody, writable by its owner alone."""

import compileall
import py_compile
import stat
import sys
from pathlib import Path


def seal(folder: Path) -> bool:
    """Return whether everything compiled. The bytecode holds whatever times its sources get on their way into the image."""
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            executable = path.is_dir() or path.stat().st_mode & stat.S_IXUSR
            path.chmod(0o755 if executable else 0o644)
    checked = py_compile.PycInvalidationMode.UNCHECKED_HASH
    return bool(compileall.compile_dir(folder, quiet=1, force=True, invalidation_mode=checked))


if __name__ == "__main__":
    sys.exit(not seal(Path(sys.argv[1])))
