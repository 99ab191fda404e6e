"""What the browser is told about our pages: the same on every reply, and in nobody's way."""

import http.client
import re
import socket
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from commands.stack import Stack

pytestmark = pytest.mark.browser
PAGES = (
    "/",
    "/overview?range=24h",
    "/runs",
    "/queues",
    "/metrics",
    "/trace",
    "/agents",
    "/threads",
    "/doctor",
    "/cleanup",
)
HEADERS = {
    "content-security-policy",
    "x-content-type-options",
    "x-frame-options",
    "referrer-policy",
    "cross-origin-opener-policy",
    "cross-origin-resource-policy",
    "permissions-policy",
}


def ask(stack: Stack, path: str, method: str = "GET", **headers: str) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection(urlsplit(stack.url).netloc, timeout=10)
    connection.request(
        method, path, headers={name.replace("_", "-"): value for name, value in headers.items()}
    )
    reply = connection.getresponse()
    reply.read()
    connection.close()
    return reply


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_meets_the_policy_in_normal_use(tab: Page, scheme: str) -> None:
    """Charts, tables, downloads, the diagram: the fixture that watches the console fails this test on a complaint."""
    tab.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]  # one of two literals
    for page in PAGES:
        tab.goto(page)
        expect(tab.get_by_test_id("stSidebarNav")).to_be_visible()
        tab.wait_for_function("() => !document.querySelector('[data-test-script-state=running]')")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/overview"),
        ("HEAD", "/"),
        ("GET", "/_stcore/health"),
        ("GET", "/_stcore/metrics"),
        ("GET", "/_stcore/agent/openapi.json"),
        ("GET", "/media/nothing-of-that-name.csv"),
        ("GET", "/static/nothing.js"),
        ("GET", "/%2e%2e/etc/passwd"),
        ("GET", "/" + "x" * 3_000),
        ("POST", "/"),
        ("PUT", "/_stcore/upload_file/x/y"),
        ("DELETE", "/_stcore/upload_file/x/y"),
        ("OPTIONS", "/_stcore/health"),
    ],
)
def test_every_reply_carries_the_headers(stack: Stack, method: str, path: str) -> None:
    """Also those that refuse: an error page is a page."""
    reply = ask(stack, path, method)
    names = {name.lower() for name, _ in reply.getheaders()}
    assert names >= HEADERS, (reply.status, HEADERS - names)
    assert reply.status < 500


def test_the_policy_allows_no_host_but_ours_and_no_script_that_was_not_there(stack: Stack) -> None:
    policy = ask(stack, "/").getheader("content-security-policy") or ""
    rules = {rule.split()[0]: rule.split()[1:] for rule in policy.split("; ")}
    everything = {source for sources in rules.values() for source in sources}

    assert not {"*", "http:", "https:", "'unsafe-eval'"} & everything
    assert "'unsafe-inline'" not in rules["script-src"]
    assert not any("." in source or "//" in source for source in everything)
    assert (rules["frame-ancestors"], rules["object-src"], rules["base-uri"]) == (["'none'"],) * 3
    assert all(
        re.fullmatch(r"'(self|none|unsafe-inline|wasm-unsafe-eval|sha256-[\w+/=]+)'|data:|blob:", one)
        for one in everything
    )


def test_what_tells_of_the_inside_is_not_there(stack: Stack) -> None:
    for path in (
        "/_stcore/metrics",
        "/_stcore/agent/openapi.json",
        "/_stcore/agent/run",
        "/_stcore/script-health-check",
    ):
        assert ask(stack, path).status == 404, path
    assert ask(stack, "/_stcore/agent/run", "POST").status == 404


def test_nothing_is_uploaded(stack: Stack) -> None:
    """No page takes a file; a request without the token that belongs to a session is refused before it is read."""
    assert ask(stack, "/_stcore/upload_file/session/file", "PUT").status in (400, 403, 404, 405)


OURS, EVIL = "{host}", "evil.example"


@pytest.mark.parametrize(
    ("host", "origin", "let_in"),
    [
        (OURS, "http://{host}", True),
        (OURS, "", True),  # no browser: what has no Origin has no cookies of ours either
        (OURS, "http://evil.example", False),
        (OURS, "https://evil.example", False),
        (OURS, "null", False),
        (OURS, "http://127.0.0.1.evil.example", False),
        (OURS, "http://evil.example/{host}", False),
        (OURS, "file://", False),
        (OURS, "chrome-extension://abc", False),
        (EVIL, "http://evil.example", False),
        (EVIL, "", False),
        (EVIL, "http://{host}", False),
        ("evil.example:80", "http://evil.example:80", False),
        ("127.0.0.1.nip.io", "http://127.0.0.1.nip.io", False),
        ("127.0.0.1.evil.example", "http://127.0.0.1.evil.example", False),
        ("0.0.0.0", "http://0.0.0.0", False),
        ("[::1]", "http://[::1]", False),
        ("169.254.169.254", "http://169.254.169.254", False),
    ],
    ids=lambda value: str(value),
)
def test_a_websocket_opens_for_our_own_pages_only(stack: Stack, host: str, origin: str, let_in: bool) -> None:
    """Another site's page could else act as whoever looks at it; a name pointed at this machine would be our own origin."""
    ours = urlsplit(stack.url).netloc
    status = handshake(ours, host.format(host=ours), origin.format(host=ours))
    assert (status == 101) is let_in, status


def handshake(ours: str, host: str, origin: str) -> int:
    """Return the status of the reply; 0 when the connection was ended without one."""
    name, _, port = ours.partition(":")
    lines = [
        "GET /_stcore/stream HTTP/1.1",
        f"Host: {host}",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
        *([f"Origin: {origin}"] if origin else []),
    ]
    with socket.create_connection((name, int(port)), timeout=10) as line:
        line.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        head = line.makefile("rb").readline()
    return int(head.split()[1]) if head else 0
