"""How a part notices that the process which started it is gone: standard input ends."""

import contextlib
import os


def wait_for_parents_end() -> None:
    """Return when the parent closes its end of standard input, or dies. For a daemon thread.

    Not through sys.stdin: a thread that waits in its buffer breaks the interpreter's own end.
    """
    with contextlib.suppress(OSError, ValueError):
        while os.read(0, 4096):
            pass
