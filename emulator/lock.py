"""One Local Azure per state folder: a lock that the operating system drops when its holder dies."""

import os
import sys
from pathlib import Path
from typing import IO

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

# Windows locks bytes from where the file stands, and keeps others from reading them: all lock the same one, behind the text.
LOCKED_BYTE = 1 << 30


def take_lock(path: Path) -> IO[str] | None:
    """Return the locked file, to be kept open for as long as the lock is wanted; None: somebody else holds it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    file = path.open("a+")
    try:
        if sys.platform == "win32":
            os.lseek(file.fileno(), LOCKED_BYTE, os.SEEK_SET)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        return None
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    return file
