"""A first visit in Chromium: the browser tells what is on its screen, and is sent the rest then."""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Request, expect

from commands.stack import Stack
from ui import shown

pytestmark = pytest.mark.browser
CHARTED = ("overview", "runs", "queues", "metrics", "agents")
UNCHARTED = ("", "trace", "threads", "cleanup", "audit", "faults", "doctor")
TEXT, CHARTS = (re.compile(rf"/shown/[0-9a-f]{{16}}/{part}$") for part in (shown.TEXT, shown.CHARTS))


@pytest.fixture
def newcomer(chromium: Browser, stack: Stack) -> Iterator[Page]:
    """Somebody who was never here."""
    context = chromium.new_context(base_url=stack.url)
    yield context.new_page()
    context.close()


def path_of(request: Request) -> str:
    return urlsplit(request.url).path


@pytest.mark.parametrize("name", [*CHARTED, *UNCHARTED])
def test_the_browser_tells_of_every_page_that_its_text_and_charts_are_shown(
    newcomer: Page, name: str
) -> None:
    """Else charts and menu would come when the server is tired of waiting."""
    with (
        newcomer.expect_request(lambda one: bool(TEXT.match(path_of(one)))),
        newcomer.expect_request(lambda one: bool(CHARTS.match(path_of(one)))) as drawn,
    ):
        newcomer.goto(f"/{name}?refresh=off" if name in CHARTED else f"/{name}")
    reply = drawn.value.response()
    assert reply is not None and reply.status == 204
    expect(newcomer.get_by_test_id("stSidebarNavLink").first).to_be_visible()
