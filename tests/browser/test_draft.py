"""A page's draft in Chromium: the page's own words at their own places, and the page itself instead of it as soon as it is there."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, Page, Route, expect
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from commands.stack import Stack
from tests.waiting import wait_for
from ui.time_range import written

pytestmark = pytest.mark.browser
FIGURES = ("overview", "runs", "queues", "metrics", "agents", "threads", "audit")
ADDRESS = "/{name}?refresh=off&range=24h"
NEAR_PX = 2.0
# A front end that never gets through to the server.
CUT_OFF = """
window.WebSocket = class {
    readyState = 0;
    addEventListener() {}
    send() {}
    close() {}
};
"""
# Of the draft, as long as it is there, then of the page: each figure and each table, with where it stands.
WATCH = """
window.told = () => {
    const place = one => { const {x, y, width} = one.getBoundingClientRect(); return [x, y, width]; };
    const draft = document.querySelector('#draft');
    const all = (inDraft, inPage) => [...(draft ?? document).querySelectorAll(draft ? inDraft : inPage)];
    const main = '[data-testid="stMain"] ';
    const words = one => { // less the icons, which are letters of a font
        const copy = one.cloneNode(true);
        copy.querySelectorAll('[translate="no"]').forEach(icon => icon.remove());
        return copy.innerText.trim();
    };
    return {
        figures: all('output', main + '[data-testid="stMetricValue"]').map(one => [one.innerText.trim(), ...place(one)]),
        names: all('.metric label > span', main + '[data-testid="stMetricLabel"] p').map(words),
        tables: all('.sheet', main + '[class*="st-key-table-"]').map(place),
        heading: all('h1', main + 'h1').map(one => [one.innerText.trim(), one.getBoundingClientRect().y]),
        paint: getComputedStyle(draft ?? document.querySelector('[data-testid="stApp"]')).backgroundColor,
    };
};
window.drafted = null;
new MutationObserver(() => { if (document.querySelector('#draft')) window.drafted ??= window.told(); })
    .observe(document, {subtree: true, childList: true});
"""


def open_drafted(page: Page, name: str) -> Callable[[], None]:
    """Open a page whose front end waits until the draft is there, whatever else the machine does; return what lets it begin."""
    held: list[Route] = []
    is_let_go = False
    page.route(
        "**/static/js/index.*.js", lambda route: route.continue_() if is_let_go else held.append(route)
    )
    page.goto(ADDRESS.format(name=name), wait_until="commit")
    expect(page.locator("#draft")).to_be_visible()

    def let_go() -> None:
        nonlocal is_let_go
        is_let_go = True
        for route in held:
            route.continue_()

    return let_go


def visit(page: Page, name: str, *, width: int = 1440) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what the draft showed, and what the page shows that came after it."""
    page.add_init_script(WATCH)
    page.set_viewport_size({"width": width, "height": 900})
    open_drafted(page, name)()
    expect(page.locator("#draft")).to_have_count(0)
    expect(page.locator('[data-test-script-state="notRunning"]')).to_be_visible()
    expect(page.get_by_test_id("stSkeleton")).to_have_count(0)
    return page.evaluate("() => window.drafted"), page.evaluate("() => window.told()")


def same(drafted: dict[str, Any], shown: dict[str, Any]) -> None:
    assert drafted["heading"] == [
        [shown["heading"][0][0], pytest.approx(shown["heading"][0][1], abs=NEAR_PX)]
    ]
    assert drafted["names"] == shown["names"]
    assert len(drafted["figures"]) == len(shown["figures"]) > 0
    for (text, *at), (text_now, *at_now) in zip(drafted["figures"], shown["figures"], strict=True):
        assert (text, at) == (text_now, pytest.approx(at_now, abs=NEAR_PX))
    assert len(drafted["tables"]) == len(shown["tables"])
    for at, at_now in zip(drafted["tables"], shown["tables"], strict=True):
        assert at == pytest.approx(at_now, abs=NEAR_PX)


@pytest.mark.parametrize("name", FIGURES)
def test_the_page_stands_where_its_draft_stood_and_says_the_same(newcomer: Page, name: str) -> None:
    same(*visit(newcomer, name))


@pytest.mark.parametrize(("scheme", "paint"), [("light", "rgb(255, 255, 255)"), ("dark", "rgb(16, 20, 31)")])
def test_a_draft_has_the_colours_of_the_page(
    chromium: Browser, stack: Stack, scheme: Any, paint: str
) -> None:
    with chromium.new_context(base_url=stack.url, color_scheme=scheme) as context:
        drafted, shown = visit(context.new_page(), "queues", width=900)

    same(drafted, shown)
    assert (drafted["paint"], shown["paint"]) == (paint, paint)


def test_the_session_that_drew_the_draft_is_the_page_s_own_and_draws_it_once(newcomer: Page) -> None:
    """Else the front end asks what ui/draft/middleware.py did not expect, and each page is drawn twice."""
    got: list[ForwardMsg] = []
    newcomer.on(
        "websocket",
        lambda socket: socket.on("framereceived", lambda data: got.append(ForwardMsg.FromString(data))),
    )

    visit(newcomer, "overview")

    kinds = [one.WhichOneof("type") for one in got]
    assert kinds.count("new_session") == 1
    assert kinds.count("script_finished") == 1


def test_links_in_a_draft_lead_to_their_pages(newcomer: Page) -> None:
    """In a range of a month ago there is nothing, and a way to ask."""
    end = datetime.now(UTC) - timedelta(days=28)
    span = {
        "range": "custom",
        "from": written(end - timedelta(hours=1)),
        "to": written(end),
        "refresh": "off",
    }
    newcomer.add_init_script(CUT_OFF)
    newcomer.goto(f"/runs?{urlencode(span)}")

    newcomer.locator("#draft a", has_text="Ask a question").click()

    expect(newcomer).not_to_have_url(re.compile("/runs"))


def test_a_page_that_does_not_come_is_not_stood_for_any_longer(newcomer: Page) -> None:
    newcomer.add_init_script(CUT_OFF)
    newcomer.goto(ADDRESS.format(name="queues"))
    expect(newcomer.locator("#draft")).to_be_visible()
    expect(newcomer.locator("#draft")).to_have_count(0)


def test_who_has_scrolled_in_the_draft_has_in_the_page(newcomer: Page) -> None:
    newcomer.set_viewport_size({"width": 1440, "height": 400})
    let_go = open_drafted(newcomer, "overview")
    draft = newcomer.locator("#draft")
    scrolled = draft.evaluate("one => (one.scrollTop = 150, one.scrollTop)")
    assert scrolled > 50

    let_go()

    expect(draft).to_have_count(0)
    main = newcomer.get_by_test_id("stMain")
    wait_for(lambda: abs(main.evaluate("one => one.scrollTop") - scrolled) < 3)


def test_nobody_hears_a_page_twice(newcomer: Page) -> None:
    """Readers of screens wait for the page itself, and the keyboard never gets into what is about to go."""
    newcomer.add_init_script(CUT_OFF)
    newcomer.goto(ADDRESS.format(name="agents"))
    draft = newcomer.locator("#draft")
    expect(draft).to_be_visible()
    assert draft.get_attribute("aria-hidden") == "true"
    newcomer.keyboard.press("Tab")
    assert not draft.evaluate("one => one.contains(document.activeElement)")
