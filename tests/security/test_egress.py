"""Nothing leaves this machine while the tests run, and the guard that says so sees what it should."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from chaos import egress as figures
from tests import egress
from tests.loopback_only.sitecustomize import stays_here

ABROAD = ("192.0.2.1", 443)  # set aside for documentation: nobody is there


@pytest.mark.parametrize(
    "leave",
    [
        lambda: socket.create_connection(ABROAD, timeout=1),
        lambda: socket.getaddrinfo("example.com", 443),
        lambda: socket.gethostbyname("example.com"),
        lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ABROAD),
        lambda: socket.socket().bind(("0.0.0.0", 0)),
    ],
    ids=["connect", "look-up", "old-look-up", "datagram", "listen-to-all"],
)
@pytest.mark.filterwarnings(
    "ignore:unclosed:ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)
def test_an_attempt_to_leave_is_refused_and_recorded(leave: object) -> None:
    assert callable(leave)
    with egress.attempted_on_purpose() as found, pytest.raises(PermissionError):
        leave()
    assert len(found) == 1


def test_a_name_that_nobody_can_have_is_not_known_and_not_asked_for() -> None:
    """Tests of what happens then need such a name; looking it up would still tell a resolver that they run."""
    with pytest.raises(socket.gaierror):
        socket.getaddrinfo("nothing.invalid", 443)


def test_a_child_process_is_guarded_like_its_parent() -> None:
    """The dashboard, Local Azure and the Functions host are children: they inherit the guard through the environment."""
    with egress.attempted_on_purpose() as found:
        done = subprocess.run(
            [sys.executable, "-c", "import socket; socket.create_connection(('192.0.2.1', 443), 1)"],
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 1 and "tests stay on this machine" in done.stderr
    assert [one["host"] for one in found] == ["192.0.2.1"]
    assert found[0]["pid"] != os.getpid()


@pytest.mark.parametrize(
    ("host", "here"),
    [
        ("127.0.0.1", True), ("127.8.9.1", True), ("::1", True), ("localhost", True), ("a.localhost", True),
        (None, True), ("", False), ("0.0.0.0", False), ("::", False), ("10.0.0.1", False),
        ("169.254.169.254", False), ("localhost.example.com", False), ("2130706433", False),
    ],
)  # fmt: skip
def test_only_this_machine_is_here(host: str | None, here: bool) -> None:
    assert stays_here(host) is here


@pytest.mark.skipif(not figures.way_apart(), reason="this system gives nobody a network of their own")
def test_the_kernel_counts_what_no_guard_of_ours_could_see(tmp_path: Path) -> None:
    """Chromium, node and libraries in C connect on their own: what finds no way out is counted all the same."""
    counts = tmp_path / "counts"
    code = "import socket\ntry: socket.create_connection(('192.0.2.1', 443), 1)\nexcept OSError: pass"
    for program, expected in ((code, True), ("pass", False)):
        done = subprocess.run(
            [*figures.way_apart(), "sh", "-c", figures._INSIDE, "sh", sys.executable, "-I", "-c", program],
            env={"PATH": os.environ["PATH"], "COUNTS": str(counts)},
            check=False,
        )
        assert done.returncode == 0
        assert (figures.no_way_out(counts.read_text()) > 0) is expected
