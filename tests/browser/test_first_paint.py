"""A first visit in Chromium: the browser tells what is on its screen, and is sent the rest then."""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Request, expect

from commands.stack import Stack
from tests.waiting import wait_for
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


def test_what_a_page_shows_is_read_before_the_browser_can_ask(newcomer: Page, stack: Stack) -> None:
    """One that never gets as far as a script has begun the reading by opening the page."""
    newcomer.route("**/static/**", lambda route: route.abort())
    before = stack.control.last_request()

    newcomer.goto("/metrics?range=6h&refresh=off")

    def asked() -> bool:
        return any(seen["operation"] == "monitor.query_batch" for seen in stack.control.requests(before))

    wait_for(asked)
