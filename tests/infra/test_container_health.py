"""The health check of the image: an answer of 200 is not enough, for any path gets one."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from container.health import main
from container.seal import seal


@contextmanager
def answering(status: int, body: bytes) -> Iterator[dict[str, str]]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/_stcore/health" else 500)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=[0.02], daemon=True).start()
        yield {"STREAMLIT_SERVER_PORT": str(server.server_port), "STREAMLIT_SERVER_ADDRESS": "0.0.0.0"}
        server.shutdown()


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [(200, b"ok", 0), (200, b"<!doctype html><html>", 1), (200, b"", 1), (503, b"ok", 1), (404, b"", 1)],
)
def test_only_the_word_itself_is_health(status: int, body: bytes, code: int) -> None:
    with answering(status, body) as environ:
        assert main(environ) == code


@pytest.mark.parametrize("port", ["1", "no number"])
def test_what_does_not_answer_is_not_healthy(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main({"STREAMLIT_SERVER_PORT": port}) == 1
    assert "does not answer" in capsys.readouterr().err


def test_a_proxy_of_the_environment_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    with answering(200, b"ok") as environ:
        assert main(environ) == 0


def test_what_is_sealed_is_compiled_and_nobody_elses_to_change(tmp_path: Path) -> None:
    folder = tmp_path / "app" / "part"
    folder.mkdir(parents=True, mode=0o700)
    module = folder / "part.py"
    module.write_text("print('from the bytecode')\n")
    module.chmod(0o600)
    assert seal(tmp_path / "app")
    if os.name != "nt":
        assert (folder.stat().st_mode & 0o777, module.stat().st_mode & 0o777) == (0o755, 0o644)
    module.write_text(
        "print('from the source')\n"
    )  # another time, as after a copy: the bytecode is not asked again
    told = subprocess.run(
        [sys.executable, "-c", "import part"], cwd=folder, capture_output=True, text=True, check=True
    )
    assert told.stdout == "from the bytecode\n"


def test_what_does_not_compile_stops_the_build(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "broken.py").write_text("def")
    assert not seal(tmp_path)
    assert "broken.py" in capsys.readouterr().out
