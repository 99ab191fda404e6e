"""Starts a program, asks it, stops it, and prints all as one JSON line. Standard library only: it runs in the image too.

The plan: *command* with *folder*; *port*; *ask*, a list of [path, host]; *run*, commands to run while it lives, each a list;
*touch*, paths that are tried to be written to; *list*, folders whose files are told at the end. With no *port* the program is waited for instead.
"""

import http.client
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

STARTS_WITHIN_S, STOPS_WITHIN_S = 45.0, 20.0


def ask(port: int, path: str, host: str = "127.0.0.1") -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path, headers={"Host": host})
        reply = connection.getresponse()
        return reply.status, reply.read(2000).decode(errors="replace")
    except (OSError, http.client.HTTPException) as exc:
        return 0, str(exc)


def healthy(process: "subprocess.Popen[bytes]", port: int) -> bool:
    until_s = time.monotonic() + STARTS_WITHIN_S
    while process.poll() is None and time.monotonic() < until_s:
        if ask(port, "/_stcore/health") == (200, "ok"):
            return True
        time.sleep(0.05)
    return False


def written(path: str) -> str:
    """Return what is said to whoever writes to *path*; empty when it may be written to."""
    try:
        with Path(path).open("ab"):
            return ""
    except OSError as exc:
        return type(exc).__name__ + f" {exc.errno}"


def rights() -> dict[str, str]:
    with Path("/proc/self/status").open() as file:
        pairs = (line.partition(":") for line in file)
        return {name: value.strip() for name, _, value in pairs if name in ("CapEff", "CapPrm", "NoNewPrivs")}


def main(plan: dict[str, Any]) -> dict[str, Any]:
    os.chdir(plan["folder"])
    told: dict[str, Any] = {"uid": os.getuid(), "gids": os.getgroups(), "rights": rights()}
    told["touched"] = {path: written(path) for path in plan.get("touch", [])}
    with tempfile.TemporaryFile() as output:
        started_s = time.monotonic()
        process = subprocess.Popen(plan["command"], stdout=output, stderr=output)
        if port := plan.get("port"):
            told["healthy"] = healthy(process, port)
            told["took_s"] = round(time.monotonic() - started_s, 2)
            told["answers"] = [ask(port, *one) for one in plan.get("ask", [])]
            told["ran"] = [ran(command) for command in plan.get("run", [])]
            process.send_signal(signal.SIGTERM)
        try:
            told["code"] = process.wait(STOPS_WITHIN_S if port else STARTS_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            told["code"] = None
        output.seek(0)
        told["output"] = output.read().decode(errors="replace")[-20000:]
    told["left"] = {folder: left_in(folder) for folder in plan.get("list", [])}
    return told


def left_in(folder: str) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in Path(folder).rglob("*") if path.is_file())


def ran(command: list[str]) -> tuple[int, str]:
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, (done.stdout + done.stderr)[-4000:]


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(json.loads(sys.argv[1]))) + "\n")
