"""The real dashboard in a real browser: one Local Azure, one Functions host and one server for the whole session."""

import re
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    expect,
    sync_playwright,
)

from commands.stack import Stack, running
from commands.test import browser_flags, find_browser

ARTIFACTS = Path(__file__).parent.parent / ".artifacts"
EXPECT_TIMEOUT_MS = 15_000
OURS = {"127.0.0.1", "localhost", ""}


@dataclass
class Watch:
    """What the browser asked other hosts for, and what its console complained about."""

    foreign: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def request(self, request: Request) -> None:
        address = urlsplit(request.url)
        if address.scheme not in ("data", "blob") and address.hostname not in OURS:
            self.foreign.append(request.url)

    def console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.complaints.append(message.text)


@pytest.fixture(scope="package")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running(tmp_path_factory.mktemp("relaydeck"), {"RELAYDECK_TOOL_WAIT_S": "20"}) as found:
        yield found


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    program = find_browser()
    if program is None:
        pytest.fail("No Chromium or Chrome was found. Install one, or name it in RELAYDECK_TEST_BROWSER.")
    expect.set_options(timeout=EXPECT_TIMEOUT_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=browser_flags())
        yield browser
        browser.close()


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture(scope="package")
def visitor(chromium: Browser, stack: Stack) -> Iterator[BrowserContext]:
    """One browser profile for all tests, so that Streamlit's scripts are loaded once."""
    found = chromium.new_context(viewport={"width": 1280, "height": 900}, base_url=stack.url)
    found.set_default_timeout(EXPECT_TIMEOUT_MS)
    found.route(
        "**/draft", lambda route: route.fulfill(status=204)
    )  # whoever looks for words looks in the page itself
    found.tracing.start(snapshots=True)
    yield found
    found.close()


@pytest.fixture
def visit(
    visitor: BrowserContext, stack: Stack, watch: Watch, request: pytest.FixtureRequest
) -> Iterator[BrowserContext]:
    """The profile without tabs. Afterwards: no other host was asked; when the test failed, what happened is kept."""
    stack.control.pace()
    visitor.on("request", watch.request)
    visitor.on("console", watch.console)
    visitor.tracing.start_chunk()
    yield visitor
    if getattr(request.node, "failed", False):
        _keep(visitor, stack, request.node.name)
    else:
        visitor.tracing.stop_chunk()
    for page in visitor.pages:
        page.close()
    visitor.remove_listener("request", watch.request)
    visitor.remove_listener("console", watch.console)
    stack.control.pace()
    assert watch.foreign == []
    assert [told for told in watch.complaints if "Content Security Policy" in told] == []


@pytest.fixture
def tab(visit: BrowserContext) -> Page:
    return visit.new_page()


@pytest.fixture
def newcomer(chromium: Browser, stack: Stack) -> Iterator[Page]:
    """Somebody who was never here."""
    context = chromium.new_context(base_url=stack.url)
    yield context.new_page()
    context.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed:
        item.failed = True  # type: ignore[attr-defined]  # read by the fixture that keeps the trace
    return report


def _keep(visitor: BrowserContext, stack: Stack, name: str) -> None:
    folder = ARTIFACTS / re.sub(r"[^\w-]+", "-", name)
    folder.mkdir(parents=True, exist_ok=True)
    for number, page in enumerate(visitor.pages):
        page.screenshot(path=folder / f"tab-{number}.png")
    visitor.tracing.stop_chunk(path=folder / "trace.zip")
    (folder / "server.log").write_bytes(stack.log.read_bytes())
