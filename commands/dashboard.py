"""The dashboard's own process: Streamlit, tied to its parent, saying so when it answers.

Prints one JSON line when the app answers; ends when standard input closes. A second argument names another script,
for comparison.
"""

import json
import os
import runpy
import signal
import sys
import threading
import time
import urllib.request

from emulator.lifeline import wait_for_parents_end
from emulator.supervisor import ROOT

HEALTHY = b"ok"
PROBE_S = 0.05


def main() -> None:
    port, script = int(sys.argv[1]), (sys.argv[2:] or ["app.py"])[0]
    threading.Thread(target=_end_with_parent, daemon=True).start()
    threading.Thread(target=_announce, args=[port], daemon=True).start()
    os.chdir(ROOT)
    sys.argv = [
        *("streamlit", "run", script, "--server.port", str(port), "--server.headless", "true"),
        *("--server.address", "127.0.0.1"),
    ]
    runpy.run_module("streamlit", run_name="__main__", alter_sys=True)


def _end_with_parent() -> None:
    wait_for_parents_end()
    if os.name == "nt":
        signal.raise_signal(
            signal.SIGTERM
        )  # os.kill would end the process there before anything is sent or closed
    else:
        os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(10)
    os._exit(1)  # whatever still holds the process after ten seconds, nobody is there to see it


def _announce(port: int) -> None:
    address = f"http://127.0.0.1:{port}"
    while True:
        try:
            # Unknown paths also answer 200: only the body tells that the app itself is up.
            with urllib.request.urlopen(f"{address}/_stcore/health", timeout=2) as reply:  # noqa: S310 - loopback
                if reply.read() == HEALTHY:
                    break
        except OSError:
            pass
        time.sleep(PROBE_S)
    print(json.dumps({"ready": True, "pid": os.getpid(), "url": address}), flush=True)


if __name__ == "__main__":
    main()
